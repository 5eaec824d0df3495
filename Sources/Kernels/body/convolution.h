// A short causal convolution of each channel by itself, with SiLU behind it or not:
// y[t] = act(bias + Σ w[k]·x[t - width + 1 + k]).
//
// What lies before the first row is the end of the sequence that the rows go on from.

#ifndef FLEDGE_CONVOLUTION_WIDTH
#define FLEDGE_CONVOLUTION_WIDTH
enum { largest_width = 16 };
#endif

// The row of x that tap k of row t reads; null for zeros.
INLINE const T *NAME(convolved)(const fledge_convolution *job, long t, long k) {
    long row = t - job->width + 1 + k;
    if (row >= 0) return (const T *)job->x + row * job->columns;
    return job->history ? job->history[row + job->width - 1] : 0;
}

INLINE V NAME(convolution)(
    const fledge_convolution *job, const T *const *rows, long i, long end) {
    const S *w = job->weight;
    V sum = job->bias ? SUM(get)((const S *)job->bias, i, end) : (V){};
    for (long k = 0; k < job->width; k++)
        if (rows[k])
            sum = MULTIPLY_ADD(
                NAME(get)(rows[k], i, end), SUM(get)(w + k * job->columns, i, end), sum);
    return sum;
}

static void NAME(convolution_forward)(const fledge_convolution *job, long first, long count) {
    const T *rows[largest_width];
    for (long t = first; t < first + count; t++) {
        T *d = (T *)job->output + t * job->columns;
        for (long k = 0; k < job->width; k++) rows[k] = NAME(convolved)(job, t, k);
        for (long i = 0; i < job->columns; i += LANES) {
            V slope, y = NAME(convolution)(job, rows, i, job->columns);
            if (job->activates) y = NAME(activate)(y, FLEDGE_SILU, &slope);
            NAME(put)(d, i, job->columns, y);
        }
    }
}

// Rows from the last to the first, so that a row's gradient has what those behind it give at hand.
static void NAME(convolution_backward)(
    const fledge_convolution *job, const fledge_convolution_gradient *g, long begin, long end) {
    long width = job->width, n = end - begin;
    n = (n + LANES - 1) / LANES * LANES;
    // Gradients of what goes into the activation, a ring of rows.
    S *ring = fledge_scratch(FLEDGE_SCRATCH_TILES, (long)sizeof(S) * width * n);
    const S *w = job->weight;
    S *dw = g->weight, *db = g->bias;
    const T *rows[largest_width];
    for (long t = job->rows - 1; t >= 0; t--) {
        const T *dy = (const T *)g->output + t * job->columns;
        for (long k = 0; k < width; k++) rows[k] = NAME(convolved)(job, t, k);
        S *own = ring + t % width * n;
        for (long i = begin; i < end; i += LANES) {
            V slope = (V){} + 1, d = NAME(get)(dy, i, end);
            if (job->activates) {
                NAME(activate)(NAME(convolution)(job, rows, i, end), FLEDGE_SILU, &slope);
                d *= slope;
            }
            SUM(store)(own + i - begin, d);
            if (db) SUM(put)(db, i, end, SUM(get)(db, i, end) + d);
            if (!dw) continue;
            for (long k = 0; k < width; k++) {
                if (!rows[k]) continue;
                S *sum = dw + k * job->columns;
                V x = NAME(get)(rows[k], i, end);
                SUM(put)(sum, i, end, MULTIPLY_ADD(x, d, SUM(get)(sum, i, end)));
            }
        }
        if (!g->x) continue;
        T *dx = (T *)g->x + t * job->columns;
        long place = job->rows - 1 - t;
        const S *later = g->later && place < width - 1
            ? (const S *)g->later + place * job->columns : 0;
        for (long i = begin; i < end; i += LANES) {
            V sum = later ? SUM(get)(later, i, end) : (V){};
            for (long j = 0; j < width && j <= place; j++)
                sum = MULTIPLY_ADD(
                    SUM(load)(ring + (t + j) % width * n + i - begin),
                    SUM(get)(w + (width - 1 - j) * job->columns, i, end), sum);
            NAME(put)(dx, i, end, sum);
        }
    }
    // What the rows before the first get of the first ones.
    for (long h = 0; h < width - 1 && g->history; h++) {
        S *sum = g->history[h];
        if (!sum) continue;
        for (long t = 0; t <= h && t < job->rows; t++)
            for (long i = begin; i < end; i += LANES)
                SUM(put)(sum, i, end, MULTIPLY_ADD(
                    SUM(load)(ring + t % width * n + i - begin),
                    SUM(get)(w + (h - t) * job->columns, i, end), SUM(get)(sum, i, end)));
    }
}
