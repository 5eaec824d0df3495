#include "fledge_memory.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void *fledge_allocate(long bytes) {
    void *memory = 0;
    // Whole pages for large buffers; a cache line otherwise.
    return posix_memalign(&memory, bytes >= 1 << 16 ? 4096 : 64, (size_t)bytes) ? 0 : memory;
}

void fledge_refuse_memory(long bytes) {
    // Nothing here asks for memory: there is none.
    char line[96];
    int length = snprintf(
        line, sizeof line, "error: not enough memory for %ld bytes (%ld MiB)\n", bytes, bytes >> 20);
    if (write(STDERR_FILENO, line, (size_t)length) < 0) {}
    // Other threads may be inside of anything, so that nothing is left to be tidied.
    _exit(1);
}

void fledge_free(void *memory) { free(memory); }

struct scratch { void *memory[FLEDGE_SCRATCH_SLOTS]; long bytes[FLEDGE_SCRATCH_SLOTS]; };
static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void release(void *value) {
    struct scratch *scratch = value;
    for (int slot = 0; slot < FLEDGE_SCRATCH_SLOTS; slot++) free(scratch->memory[slot]);
    free(scratch);
}

static void create_key(void) { pthread_key_create(&key, release); }

void *fledge_scratch(enum fledge_scratch_slot slot, long bytes) {
    static _Thread_local struct scratch *own;
    if (!own) {
        pthread_once(&once, create_key);
        own = calloc(1, sizeof *own);
        if (!own) fledge_refuse_memory(sizeof *own);
        pthread_setspecific(key, own);
    }
    if (own->bytes[slot] < bytes) {
        free(own->memory[slot]);
        own->bytes[slot] = bytes + bytes / 4;
        own->memory[slot] = fledge_allocate(own->bytes[slot]);
        if (!own->memory[slot]) fledge_refuse_memory(own->bytes[slot]);
    }
    return own->memory[slot];
}
