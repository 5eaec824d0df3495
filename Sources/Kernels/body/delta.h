// The gated delta rule over sequences of rows in a type T, chunk by chunk.

#ifndef FLEDGE_DELTA_UNIT
#define FLEDGE_DELTA_UNIT
static const double unit_epsilon = 1e-6;
enum { largest_group = 64 };
INLINE double PATH(softplus)(double x) { return x > 20 ? x : log1p(exp(x)); }
INLINE double PATH(sigmoid)(double x) { return 1 / (1 + exp(-x)); }
#endif

INLINE long NAME(delta_stride)(const fledge_delta *job) {
    return 2 * job->key_heads * job->key_channels + job->value_heads * job->value_channels;
}

// Where a chunk's parts lie in memory; returns what lies behind them.
INLINE S *NAME(delta_place)(const fledge_delta *job, SUM(delta_chunk) *c, S *memory) {
    c->key_channels = job->key_channels;
    c->value_channels = job->value_channels;
    c->key_width = SUM(delta_width)(job->key_channels);
    c->value_width = SUM(delta_width)(job->value_channels);
    S **square[] = {&c->decays, &c->m, &c->p, &c->solve};
    S **row[] = {&c->beta, &c->g, &c->sums, &c->before, &c->behind};
    S **keys[] = {&c->q, &c->k, &c->keys};
    S **values[] = {&c->y, &c->v};
    for (int i = 0; i < 4; i++, memory += chunk_rows * chunk_rows) *square[i] = memory;
    for (int i = 0; i < 5; i++, memory += chunk_rows) *row[i] = memory;
    for (int i = 0; i < 3; i++, memory += chunk_rows * c->key_width) *keys[i] = memory;
    for (int i = 0; i < 2; i++, memory += chunk_rows * c->value_width) *values[i] = memory;
    return memory;
}

// One row with zeros behind its last channel.
INLINE void NAME(delta_row)(S *d, const T *x, long n, long width, S factor) {
    for (long i = 0; i < width; i += LANES)
        SUM(store)(d + i, i < n ? NAME(get)(x, i, n) * factor : (V){});
}

INLINE S NAME(delta_inverse)(const T *x, long n) {
    return (S)(1 / sqrt((double)NAME(dot)(x, x, n) + unit_epsilon));
}

// Queries and keys of length one, queries divided by √channels too.
INLINE void NAME(delta_load_keys)(
    const fledge_delta *job, SUM(delta_chunk) *c, long start, long n, long head) {
    long stride = NAME(delta_stride)(job), channels = job->key_channels, width = c->key_width;
    S scale = (S)(1 / sqrt((double)channels));
    c->rows = n;
    for (long i = 0; i < n; i++) {
        const T *q = (const T *)job->x + (start + i) * stride + head * channels;
        const T *k = q + job->key_heads * channels;
        NAME(delta_row)(
            c->q + i * width, q, channels, width, scale * NAME(delta_inverse)(q, channels));
        NAME(delta_row)(c->k + i * width, k, channels, width, NAME(delta_inverse)(k, channels));
    }
}

INLINE double NAME(delta_number)(const void *x, long at) {
    return (double)NAME(get)((const T *)x + at, 0, 1)[0];
}

INLINE void NAME(delta_load_gates)(
    const fledge_delta *job, SUM(delta_chunk) *c, long start, long n, long head) {
    double rate = -exp((double)((const S *)job->log_rates)[head]);
    double bias = (double)((const S *)job->biases)[head];
    for (long i = 0; i < n; i++) {
        long at = (start + i) * job->value_heads + head;
        c->g[i] = (S)(rate * PATH(softplus)(NAME(delta_number)(job->a, at) + bias));
        c->beta[i] = (S)PATH(sigmoid)(NAME(delta_number)(job->b, at));
    }
}

INLINE const T *NAME(delta_values)(const fledge_delta *job, long row, long head) {
    return (const T *)job->x + row * NAME(delta_stride)(job)
        + 2 * job->key_heads * job->key_channels + head * job->value_channels;
}

INLINE void NAME(delta_load_values)(
    const fledge_delta *job, SUM(delta_chunk) *c, long start, long n, long head) {
    for (long i = 0; i < n; i++)
        NAME(delta_row)(
            c->y + i * c->value_width, NAME(delta_values)(job, start + i, head),
            job->value_channels, c->value_width, 1);
}

// Sets the state that a segment begins with; returns whether it is zero, and then leaves it unset if the
// segment has rows.
INLINE int NAME(delta_begin)(
    const fledge_delta *job, long index, long head, S *states, long state_size, long width) {
    const fledge_delta_segment *segment = job->segments + index;
    S *state = states + index * state_size;
    if (segment->parent >= 0) {
        memcpy(state, states + segment->parent * state_size, state_size * sizeof(S));
        return 0;
    }
    long channels = job->value_channels;
    const S *initial = segment->initial;
    if (!initial) {
        if (segment->count == 0) memset(state, 0, state_size * sizeof(S));
        return 1;
    }
    initial += head * job->key_channels * channels;
    for (long i = 0; i < job->key_channels; i++)
        for (long j = 0; j < width; j += LANES)
            SUM(store)(
                state + i * width + j,
                j < channels ? SUM(get)(initial + i * channels, j, channels) : (V){});
    return 0;
}

// One row by itself: S = e^g·S, then S += k·(β(v - Sᵀk)), and the output is Sᵀq.
INLINE void NAME(delta_step)(const SUM(delta_chunk) *c, S *state, S *output) {
    long width = c->value_width;
    S decay = SUM(exp)((V){} + c->g[0])[0];
    memset(c->v, 0, width * sizeof(S));
    for (long i = 0; i < c->key_channels; i++) {
        SUM(delta_scale)(state + i * width, state + i * width, decay, width);
        SUM(delta_add)(c->v, state + i * width, c->k[i], width);
    }
    for (long j = 0; j < width; j += LANES)
        SUM(store)(c->v + j, (SUM(load)(c->y + j) - SUM(load)(c->v + j)) * c->beta[0]);
    memset(output, 0, width * sizeof(S));
    for (long i = 0; i < c->key_channels; i++) {
        SUM(delta_add)(state + i * width, c->v, c->k[i], width);
        SUM(delta_add)(output, state + i * width, c->q[i], width);
    }
}

static void NAME(delta_forward)(const fledge_delta *job, long head) {
    SUM(delta_chunk) c;
    long kw = SUM(delta_width)(job->key_channels), vw = SUM(delta_width)(job->value_channels);
    long state_size = job->key_channels * vw;
    S *memory = fledge_scratch(
        FLEDGE_SCRATCH_TILES,
        (long)sizeof(S) * (chunk_rows * (4 * chunk_rows + 5 + 3 * kw + 4 * vw)
                           + job->segment_count * state_size));
    S *scratch = NAME(delta_place)(job, &c, memory), *output = scratch + chunk_rows * vw;
    S *states = output + chunk_rows * vw;
    for (long s = 0; s < job->segment_count; s++) {
        const fledge_delta_segment *segment = job->segments + s;
        int is_zero = NAME(delta_begin)(job, s, head, states, state_size, vw);
        S *state = states + s * state_size;
        for (long start = 0; start < segment->count; start += chunk_rows) {
            long n = segment->count - start < chunk_rows ? segment->count - start : chunk_rows;
            long row = segment->start + start;
            NAME(delta_load_keys)(
                job, &c, row, n, head / (job->value_heads / job->key_heads));
            NAME(delta_load_gates)(job, &c, row, n, head);
            NAME(delta_load_values)(job, &c, row, n, head);
            if (segment->count == 1) {
                if (is_zero) memset(state, 0, state_size * sizeof(S));
                NAME(delta_step)(&c, state, output);
            } else {
                SUM(delta_prepare)(&c);
                if (!is_zero) SUM(delta_foresee)(&c, state, output);
                SUM(delta_advance)(&c, state, is_zero, scratch);
                SUM(delta_output)(&c, is_zero, output);
            }
            is_zero = 0;
            for (long i = 0; i < n; i++) {
                T *d = (T *)job->output + ((row + i) * job->value_heads + head)
                    * job->value_channels;
                for (long j = 0; j < job->value_channels; j += LANES)
                    NAME(put)(d, j, job->value_channels, SUM(load)(output + i * vw + j));
            }
        }
        if (!segment->end) continue;
        S *end = (S *)segment->end + head * job->key_channels * job->value_channels;
        for (long i = 0; i < job->key_channels; i++)
            memcpy(end + i * job->value_channels, state + i * vw,
                   job->value_channels * sizeof(S));
    }
}
