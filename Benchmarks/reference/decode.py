"""Greedy decoding of one sequence by llama.cpp on two threads, the yardstick of `make bench`.

Usage: decode.py MODEL.gguf TOKENS REPETITIONS
"""
import json, resource, statistics, sys, time

from llama_cpp import Llama

count, repetitions = int(sys.argv[2]), int(sys.argv[3])
model = Llama(sys.argv[1], n_ctx=512, n_threads=2, n_threads_batch=2, verbose=False)
prompt = [504, 2403, 281, 253, 655, 665, 436, 253, 1165, 2095, 281, 260]
rates = []
for _ in range(repetitions):
    model.reset()
    start, done = None, 0
    for _ in model.generate(prompt, top_k=1, temp=0.0):
        if start is None:
            start = time.perf_counter()   # the prompt is computed before the first token
        else:
            done += 1
        if done == count:
            break
    rates.append(count / (time.perf_counter() - start))
print(json.dumps(dict(
    name="llama.cpp", tokens_per_second=statistics.median(rates),
    peak_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)))
