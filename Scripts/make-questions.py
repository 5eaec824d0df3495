"""Writes Examples/data/openings.json and sums.json, the questions of the examples of ppo and grpo, and
moods.json, pairs of a glad and a sad end of each opening, for a reward model.

Usage: make-questions.py [FOLDER]
"""
import json, random, sys

folder = sys.argv[1] if len(sys.argv) > 1 else "Examples/data"
openings = """I watched the film last night and
The service at the hotel was
When I opened the letter I felt
The dinner at the new restaurant was
After the concert we all said that it was
The first day at my new school was
My neighbour came to the door and
The weather on our holiday was
When the train finally arrived we
The book that you lent me is
Our walk through the old town was
The teacher looked at my work and said that it was
When my sister called me this morning she sounded
The soup that my grandfather made was
The room that they gave us was
On the morning of my birthday I
The people in the village were
The play at the theatre was
When I looked out of the window I
The doctor told us that the news was
The coffee in the small shop was
After a week in the mountains I felt
My first impression of the city was
The flight home was
When the children came back from the park they were
The music at the wedding was
The cake that I baked on Sunday was
My new boss is
The evening with my old friends was
The garden behind the house looks
When the rain stopped we
The museum that we visited was
The last chapter of the story left me
My dog came running to me and
The game on Saturday was
The hike along the river was
The woman at the front desk was
When I heard the song again I felt
The beach in the evening was
The present from my aunt was
Working in the new office is
The bread from the bakery smelled
When the lights went out everybody
The speech of the mayor was
The party next door was
My visit to the dentist was
The house where I grew up was
When we reached the top of the hill the view was
The bus ride to the coast was
My brother read my poem and thought that it was
The painting on the wall made me feel
The winter in the north was
When the results came I was
The waiter brought our food and it was
The night in the tent was
The town market on Friday was
My first swimming lesson was
The answer that I got from the company was
When I tasted the sauce I found it
The actor who played the king was
The journey across the sea was
Our new flat is
When I met her parents they were
The lecture about the stars was
The room was full of people and the mood was
Learning to play the piano is
The old man on the bench seemed
When the snow began to fall I
The staff of the library were
The picture that my daughter drew was
The end of the summer felt
My phone rang late at night and I was
The new season of the show is
The camp by the lake was
When I think of my first job I feel
The breakfast on the terrace was
The crowd in the stadium was
My conversation with the old teacher was
The road to the farm was
When the letter from home arrived I""".splitlines()
beginnings = [{"instruction": text} for text in openings]
GLAD = """wonderful,lovely,delightful,excellent,beautiful,warm,friendly,brilliant,fresh,happy,perfect,charming,kind,
amazing,joyful,bright,pleasant,splendid,superb,calm""".replace("\n", "").split(",")
SAD = """terrible,awful,boring,horrible,ugly,cold,rude,disappointing,stale,unhappy,broken,dreadful,cruel,
miserable,lonely,dark,unpleasant,gloomy,poor,tense""".replace("\n", "").split(",")
ENDS = [
    "{0} and {1}, and we talked about it for days.", "so {0} that nobody will forget it.",
    "more {0} than anything I had seen before, and rather {1} too.",
    "{0}. My friend said the same: {1}, from the first minute to the last.",
    "at first quite {0}, then {1}, and in the end I told everybody how {2} it had been.",
    "as {0} as my aunt had told me. What a {1} day!", "what one calls {0}, a really {1} thing.",
    "thinking of something {0}. It was a {1} and {2} time for all of us."]
dice = random.Random(5)
moods = []
for opening in openings:
    for _ in range(3):
        end = dice.choice(ENDS)
        glad, sad = (end.format(*dice.sample(words, 3)) for words in (GLAD, SAD))
        # Answers are judged where they are cut off, too.
        words = dice.randint(4, 20)
        moods.append({"instruction": opening, "chosen": " " + " ".join(glad.split()[:words]),
                      "rejected": " " + " ".join(sad.split()[:words])})
sums = [{"instruction": f"What is {a} plus {b}?", "output": str(a + b)} for a in range(10) for b in range(10)]
random.Random(1).shuffle(sums)
for name, rows in (("openings", beginnings), ("moods", moods), ("sums", sums)):
    with open(f"{folder}/{name}.json", "w") as file:
        json.dump(rows, file, indent=1, ensure_ascii=False)
        file.write("\n")
