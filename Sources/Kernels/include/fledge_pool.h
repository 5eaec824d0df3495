// One pool of threads for everything.
#ifndef FLEDGE_POOL_H
#define FLEDGE_POOL_H

/// Runs `body(context, i)` for each `i` below `count`; returns when all have run.
///
/// The caller takes part. Indices are taken in ascending order, so a body may wait for what one with
/// a lower index announces. A call from inside a body, or while another thread's call holds the pool,
/// runs serially in the caller.
void fledge_parallel_for(
    long count, void (*_Nonnull body)(void *_Nullable context, long index), void *_Nullable context);

/// Waits until a counter that other bodies advance has reached a value.
void fledge_await(const long *_Nonnull counter, long value);
/// Adds one to a counter; what was written before is seen by those who wait for it.
void fledge_advance(long *_Nonnull counter);

/// Number of threads that take part, the caller included.
long fledge_threads(void);
/// Sets the number of threads; the first value is FLEDGE_THREADS or the size of the affinity mask.
void fledge_set_threads(long count);
#endif
