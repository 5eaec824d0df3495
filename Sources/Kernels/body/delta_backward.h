// The backward pass of the gated delta rule: states, V and Y of all chunks are computed again, then the
// chunks are gone through from the last to the first. A state's gradient is the sum over all that go on
// from it.

// Where the parts of the gradient lie in memory; returns what lies behind them.
INLINE S *NAME(delta_gradient_place)(const SUM(delta_chunk) *c, SUM(delta_gradient) *d, S *memory) {
    long kw = c->key_width, vw = c->value_width;
    S **square[] = {&d->p, &d->m};
    S **row[] = {&d->beta, &d->sums};
    S **keys[] = {&d->q, &d->k, &d->part};
    S **values[] = {&d->output, &d->values, &d->unforeseen};
    for (int i = 0; i < 2; i++, memory += chunk_rows * chunk_rows) *square[i] = memory;
    for (int i = 0; i < 2; i++, memory += chunk_rows) *row[i] = memory;
    for (int i = 0; i < 3; i++, memory += chunk_rows * kw) *keys[i] = memory;
    for (int i = 0; i < 3; i++, memory += chunk_rows * vw) *values[i] = memory;
    d->packed = memory;
    return memory + (kw > chunk_rows ? kw : chunk_rows) * vw;
}

static long NAME(delta_bytes)(const fledge_delta *job, long chunks, long segments) {
    long kw = SUM(delta_width)(job->key_channels), vw = SUM(delta_width)(job->value_channels);
    long group = job->value_heads / job->key_heads, state = job->key_channels * vw;
    long rows = chunk_rows * (6 * chunk_rows + 7 + 6 * kw + 6 * vw);
    long packed = (kw > chunk_rows ? kw : chunk_rows) * vw;
    return (long)sizeof(S)
        * (rows + packed + group * (segments * state + chunks * (state + 2 * chunk_rows * vw)));
}

// dx of y = factor·x/√(x·x + ε), where `y` is given and dy is `gradient`.
INLINE void NAME(delta_unit_backward)(
    T *dx, const T *x, const S *y, const S *gradient, long n, long width, S factor) {
    S inverse = NAME(delta_inverse)(x, n);
    S inner = SUM(delta_dot)(y, gradient, width) / factor;
    for (long i = 0; i < n; i += LANES)
        NAME(put)(dx, i, n, (SUM(load)(gradient + i) * factor
                             - SUM(load)(y + i) * inner) * inverse);
}

INLINE void NAME(delta_store_keys)(
    const fledge_delta *job, const SUM(delta_chunk) *c, const SUM(delta_gradient) *d, long start,
    long head) {
    long stride = NAME(delta_stride)(job), channels = job->key_channels, width = c->key_width;
    S scale = (S)(1 / sqrt((double)channels));
    for (long i = 0; i < c->rows; i++) {
        long at = (start + i) * stride + head * channels, k = at + job->key_heads * channels;
        const T *x = job->x;
        T *dx = job->x_gradient;
        NAME(delta_unit_backward)(
            dx + at, x + at, c->q + i * width, d->q + i * width, channels, width, scale);
        NAME(delta_unit_backward)(
            dx + k, x + k, c->k + i * width, d->k + i * width, channels, width, 1);
    }
}

// Writes the gradients of values and gates, and adds to those of the head's parameters.
INLINE void NAME(delta_store_values)(
    const fledge_delta *job, const SUM(delta_chunk) *c, const SUM(delta_gradient) *d, long start,
    long head, double *rate_gradient, double *bias_gradient) {
    double rate = -exp((double)((const S *)job->log_rates)[head]);
    double bias = (double)((const S *)job->biases)[head], sum = 0;
    long channels = job->value_channels;
    for (long i = c->rows - 1; i >= 0; i--) {
        T *dv = (T *)job->x_gradient
            + (NAME(delta_values)(job, start + i, head) - (const T *)job->x);
        for (long j = 0; j < channels; j += LANES)
            NAME(put)(dv, j, channels, SUM(load)(d->values + i * c->value_width + j));
        long at = (start + i) * job->value_heads + head;
        // A decay is in all sums from its own row on.
        sum += (double)d->sums[i];
        double x = NAME(delta_number)(job->a, at) + bias;
        double da = sum * rate * PATH(sigmoid)(x), beta = (double)c->beta[i];
        *rate_gradient += sum * rate * PATH(softplus)(x);
        *bias_gradient += da;
        NAME(put)((T *)job->a_gradient + at, 0, 1, (V){} + (S)da);
        NAME(put)(
            (T *)job->b_gradient + at, 0, 1,
            (V){} + (S)((double)d->beta[i] * beta * (1 - beta)));
    }
}

static void NAME(delta_backward)(const fledge_delta *job, long key_head) {
    SUM(delta_chunk) c;
    SUM(delta_gradient) d;
    long vw = SUM(delta_width)(job->value_channels), state_size = job->key_channels * vw;
    long group = job->value_heads / job->key_heads, rows_size = chunk_rows * vw, chunks = 0;
    for (long s = 0; s < job->segment_count; s++)
        chunks += (job->segments[s].count + chunk_rows - 1) / chunk_rows;
    S *memory = fledge_scratch(
        FLEDGE_SCRATCH_TILES, NAME(delta_bytes)(job, chunks, job->segment_count));
    memory = NAME(delta_place)(job, &c, memory);
    S *states = NAME(delta_gradient_place)(&c, &d, memory);
    S *kept = states + group * job->segment_count * state_size;
    long kept_size = state_size + 2 * rows_size, chunk = 0;
    // The part of a chunk that is kept: the state before it, Y and V.
    for (long s = 0; s < job->segment_count; s++) {
        const fledge_delta_segment *segment = job->segments + s;
        long of_segment = (segment->count + chunk_rows - 1) / chunk_rows;
        for (long h = 0; h < group; h++) {
            long head = key_head * group + h;
            S *own = states + h * job->segment_count * state_size;
            int is_zero = NAME(delta_begin)(job, s, head, own, state_size, vw);
            S *state = own + s * state_size;
            for (long i = 0; i < of_segment; i++) {
                long start = segment->start + i * chunk_rows, end = segment->start + segment->count;
                long n = end - start < chunk_rows ? end - start : chunk_rows;
                S *at = kept + ((chunk + i) * group + h) * kept_size;
                S *const y = c.y, *const v = c.v;
                if (!is_zero) memcpy(at, state, state_size * sizeof(S));
                c.y = at + state_size;
                c.v = c.y + rows_size;
                NAME(delta_load_keys)(job, &c, start, n, key_head);
                NAME(delta_load_gates)(job, &c, start, n, head);
                NAME(delta_load_values)(job, &c, start, n, head);
                SUM(delta_prepare)(&c);
                SUM(delta_advance)(&c, state, is_zero, d.unforeseen);
                is_zero = 0;
                c.y = y;
                c.v = v;
            }
        }
        chunk += of_segment;
    }
    // From here on the states are gradients.
    memset(states, 0, group * job->segment_count * state_size * sizeof(S));
    double rates[2 * largest_group] = {0};
    for (long s = job->segment_count - 1; s >= 0; s--) {
        const fledge_delta_segment *segment = job->segments + s;
        long of_segment = (segment->count + chunk_rows - 1) / chunk_rows;
        int begins = segment->parent < 0 && !segment->initial, ends = 1;
        for (long other = s + 1; other < job->segment_count; other++)
            if (job->segments[other].parent == s) ends = 0;
        chunk -= of_segment;
        for (long i = of_segment - 1; i >= 0; i--) {
            long start = segment->start + i * chunk_rows, end = segment->start + segment->count;
            long n = end - start < chunk_rows ? end - start : chunk_rows;
            NAME(delta_load_keys)(job, &c, start, n, key_head);
            memset(d.q, 0, n * c.key_width * sizeof(S));
            memset(d.k, 0, n * c.key_width * sizeof(S));
            for (long h = 0; h < group; h++) {
                long head = key_head * group + h;
                S *at = kept + ((chunk + i) * group + h) * kept_size;
                c.y = at + state_size;
                c.v = c.y + rows_size;
                NAME(delta_load_gates)(job, &c, start, n, head);
                SUM(delta_prepare)(&c);
                for (long r = 0; r < n; r++)
                    NAME(delta_row)(
                        d.output + r * vw,
                        (const T *)job->output_gradient
                            + ((start + r) * job->value_heads + head) * job->value_channels,
                        job->value_channels, vw, 1);
                d.state = states + (h * job->segment_count + s) * state_size;
                SUM(delta_chunk_backward)(
                    &c, &d, at, begins && i == 0, ends && i == of_segment - 1);
                NAME(delta_store_values)(job, &c, &d, start, head, rates + 2 * h, rates + 2 * h + 1);
            }
            NAME(delta_store_keys)(job, &c, &d, start, key_head);
        }
        if (segment->parent < 0) continue;
        for (long h = 0; h < group; h++)
            SUM(delta_add)(
                states + (h * job->segment_count + segment->parent) * state_size,
                states + (h * job->segment_count + s) * state_size, 1, state_size);
    }
    S *gradient = job->rates_gradient;
    for (long h = 0; h < group; h++) {
        gradient[key_head * group + h] = (S)rates[2 * h];
        gradient[job->value_heads + key_head * group + h] = (S)rates[2 * h + 1];
    }
}
