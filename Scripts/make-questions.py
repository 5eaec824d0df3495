"""Writes Examples/data/questions.json and sums.json, the questions of the examples of ppo and grpo.

Usage: make-questions.py [FOLDER]
"""
import json, random, sys

folder = sys.argv[1] if len(sys.argv) > 1 else "Examples/data"
topics = """the weather,a walk in the woods,a cat,your neighbours,an old house,the sea,a long journey,school,a rainy day,
the city at night,a garden,a birthday,music,a train,winter,breakfast,a book,a football match,friends,a new job,
the moon,a market,a river,a picture,the future,a small village,an evening at home,cooking,a dog,the mountains,
a letter,a game of chess,spring,a bicycle,the doctor,a museum,a storm,a wedding,learning a language,a quiet morning,
a bridge,the kitchen,a child,a dream,a farm,the first snow,an island,a library,a teacher,tea,a holiday,the stars,
a street musician,a lighthouse,an apple tree,a painter,a visit to the zoo,an airport,a campfire,a clock,
a surprise,a swimming pool,a song,an answer""".replace("\n", "").split(",")
questions = [{"instruction": f"Write one sentence about {topic}."} for topic in topics]
sums = [{"instruction": f"What is {a} plus {b}?", "output": str(a + b)} for a in range(10) for b in range(10)]
random.Random(1).shuffle(sums)
for name, rows in (("questions", questions), ("sums", sums)):
    with open(f"{folder}/{name}.json", "w") as file:
        json.dump(rows, file, indent=1, ensure_ascii=False)
        file.write("\n")
