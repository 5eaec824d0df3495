// Aligned memory, and scratch memory that each thread keeps.
#ifndef FLEDGE_MEMORY_H
#define FLEDGE_MEMORY_H

/// Memory aligned for every kernel; null when there is none left.
void *_Nullable fledge_allocate(long bytes);

/// Ends the process with a line about what could not be had, and status 1: tensors come from
/// everywhere, so that no caller could go on.
_Noreturn void fledge_refuse_memory(long bytes);

void fledge_free(void *_Nullable memory);

/// What the scratch slots are for; one use at a time in each thread.
enum fledge_scratch_slot {
    FLEDGE_SCRATCH_LEFT,    // the left operand of a product, read by all threads
    FLEDGE_SCRATCH_PANEL,   // a block of the right operand
    FLEDGE_SCRATCH_BLOCKS,  // that block expanded from a matrix in blocks
    FLEDGE_SCRATCH_SUMS,    // sums of a block of the result
    FLEDGE_SCRATCH_SECOND,  // a block of a second product's right operand
    FLEDGE_SCRATCH_TILES,   // tiles of attention
    FLEDGE_SCRATCH_SLOTS
};

/// At least `bytes` of this thread's own memory; keeps no content from one use to the next.
void *_Nonnull fledge_scratch(enum fledge_scratch_slot slot, long bytes);
#endif
