#define _GNU_SOURCE
#include "fledge_pool.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

// The present region in one word, (count << 32) | next: a worker takes an index by adding one.
// The body is read only after an index was taken, and a region cannot end while one of its indices
// is being worked on, so a worker that comes late never sees another region's body with its index.
static _Atomic uint64_t work;
static _Atomic long finished;
static void (*region_body)(void *, long);
static void *region_context;

static pthread_mutex_t region_lock = PTHREAD_MUTEX_INITIALIZER;   // one region at a time
static pthread_mutex_t park_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t park_condition = PTHREAD_COND_INITIALIZER;
static _Atomic long parked;
static _Atomic long wanted;    // threads that should take part; 0 until first asked
static long started = 1;       // threads that exist, the caller included; under region_lock
static _Thread_local int inside;

static inline void relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

static inline int has_work(uint64_t state) { return (uint32_t)state < (state >> 32); }

// Takes indices until there are none left; returns whether there was any.
static int take_part(void) {
    int any = 0;
    for (;;) {
        uint64_t state = atomic_load_explicit(&work, memory_order_acquire);
        do {
            if (!has_work(state)) return any;
        } while (!atomic_compare_exchange_weak_explicit(
            &work, &state, state + 1, memory_order_acq_rel, memory_order_acquire));
        region_body(region_context, (long)(uint32_t)state);
        atomic_fetch_add_explicit(&finished, 1, memory_order_release);
        any = 1;
    }
}

static void *worker(void *argument) {
    long number = (long)(intptr_t)argument;
    inside = 1;
    int idle = 0;
    for (;;) {
        if (number < atomic_load_explicit(&wanted, memory_order_relaxed) && take_part()) idle = 0;
        // About 50 microseconds of spinning bridge the gap between two operations.
        if (++idle < 2000) {
            relax();
            continue;
        }
        pthread_mutex_lock(&park_lock);
        atomic_fetch_add(&parked, 1);
        if (!has_work(atomic_load(&work)) || number >= atomic_load(&wanted))
            pthread_cond_wait(&park_condition, &park_lock);
        atomic_fetch_sub(&parked, 1);
        pthread_mutex_unlock(&park_lock);
        idle = 0;
    }
    return 0;
}

long fledge_threads(void) {
    long count = atomic_load_explicit(&wanted, memory_order_relaxed);
    if (count > 0) return count;
    const char *text = getenv("FLEDGE_THREADS");
    count = text ? strtol(text, 0, 10) : 0;
    // More than any machine has would only take what other processes need.
    if (count > 1024) count = 1024;
#if defined(__linux__)
    cpu_set_t set;
    if (count <= 0 && sched_getaffinity(0, sizeof set, &set) == 0) count = CPU_COUNT(&set);
#endif
    if (count <= 0) count = 1;
    long none = 0;
    atomic_compare_exchange_strong(&wanted, &none, count);
    return atomic_load(&wanted);
}

void fledge_set_threads(long count) { atomic_store(&wanted, count < 1 ? 1 : count); }

static void start_workers(long count) {
    while (started < count) {
        pthread_t thread;
        pthread_attr_t attributes;
        pthread_attr_init(&attributes);
        pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        pthread_attr_setstacksize(&attributes, 8 << 20);
        int error = pthread_create(&thread, &attributes, worker, (void *)(intptr_t)started);
        pthread_attr_destroy(&attributes);
        if (error) return;   // fewer threads, the same result
        started++;
    }
}

void fledge_parallel_for(long count, void (*body)(void *, long), void *context) {
    long threads = fledge_threads();
    if (count <= 1 || threads == 1 || inside || count >= INT32_MAX
        || pthread_mutex_trylock(&region_lock)) {
        for (long index = 0; index < count; index++) body(context, index);
        return;
    }
    start_workers(threads);
    inside = 1;
    region_body = body;
    region_context = context;
    atomic_store(&finished, 0);
    atomic_store(&work, (uint64_t)count << 32);
    if (atomic_load(&parked) > 0) {
        pthread_mutex_lock(&park_lock);
        pthread_cond_broadcast(&park_condition);
        pthread_mutex_unlock(&park_lock);
    }
    take_part();
    for (long spins = 0; atomic_load_explicit(&finished, memory_order_acquire) < count; spins++) {
        if (spins < 10000) relax();
        else sched_yield();
    }
    inside = 0;
    pthread_mutex_unlock(&region_lock);
}

void fledge_await(const long *counter, long value) {
    for (long spins = 0; __atomic_load_n(counter, __ATOMIC_ACQUIRE) < value; spins++) {
        if (spins < 10000) relax();
        else sched_yield();
    }
}

void fledge_advance(long *counter) { __atomic_fetch_add(counter, 1, __ATOMIC_RELEASE); }
