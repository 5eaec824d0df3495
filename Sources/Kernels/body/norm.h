// Root mean square normalisation (Zhang and Sennrich 2019): y = (w + offset)·x·r, with
// r = 1/sqrt(mean x² + epsilon), and x·r rounded where `rounds`.

INLINE S NAME(dot)(const T *a, const T *b, long n) {
    V sums[4] = {};
    long i = 0;
    for (; i + 4 * LANES <= n; i += 4 * LANES)
        for (int j = 0; j < 4; j++)
            sums[j] = MULTIPLY_ADD(
                NAME(load)(a + i + j * LANES), NAME(load)(b + i + j * LANES), sums[j]);
    for (; i < n; i += LANES)
        sums[0] = MULTIPLY_ADD(NAME(get)(a, i, n), NAME(get)(b, i, n), sums[0]);
    return SUM(reduce)((sums[0] + sums[1]) + (sums[2] + sums[3]));
}

static void NAME(rms_forward)(
    void *dp, void *rstdp, const void *xp, const void *wp, long rows, long columns, double epsilon,
    double offset, int rounds) {
    T *d = dp;
    S *rstd = rstdp;
    const T *x = xp;
    const S *w = wp;
    for (long row = 0; row < rows; row++, x += columns, d += columns) {
        S mean = NAME(dot)(x, x, columns) / (S)columns;
        S r = rstd[row] = 1 / (S)sqrt((double)(mean + (S)epsilon));
        for (long i = 0; i < columns; i += LANES) {
            V normalized = NAME(get)(x, i, columns) * r;
            if (rounds) normalized = ROUNDED(normalized);
            NAME(put)(d, i, columns, normalized * (SUM(get)(w, i, columns) + (S)offset));
        }
    }
}

// With w for w + offset: dx = r·(w·dy) - x·r³·mean(w·dy·x); dw = Σ dy·x·r. The rounding's derivative is taken as one.
static void NAME(rms_backward)(
    void *dxp, void *dwp, const void *dyp, const void *xp, const void *rstdp, const void *wp,
    long rows, long columns, int accumulate, double offset, int rounds) {
    T *dx = dxp;
    S *dw = dwp;
    const T *dy = dyp, *x = xp;
    const S *w = wp, *rstd = rstdp;
    for (long row = 0; row < rows; row++, x += columns, dy += columns) {
        S r = rstd[row];
        if (dw)
            for (long i = 0; i < columns; i += LANES) {
                V normalized = NAME(get)(x, i, columns) * r;
                if (rounds) normalized = ROUNDED(normalized);
                SUM(put)(dw, i, columns, MULTIPLY_ADD(
                    NAME(get)(dy, i, columns), normalized, SUM(get)(dw, i, columns)));
            }
        if (!dx) continue;
        V sums[2] = {};
        long i = 0;
        for (; i + 2 * LANES <= columns; i += 2 * LANES)
            for (int j = 0; j < 2; j++) {
                long at = i + j * LANES;
                sums[j] = MULTIPLY_ADD(
                    NAME(load)(dy + at) * (SUM(load)(w + at) + (S)offset), NAME(load)(x + at),
                    sums[j]);
            }
        for (; i < columns; i += LANES)
            sums[0] = MULTIPLY_ADD(
                NAME(get)(dy, i, columns) * (SUM(get)(w, i, columns) + (S)offset),
                NAME(get)(x, i, columns), sums[0]);
        V mean = (V){} - SUM(reduce)(sums[0] + sums[1]) * r * r * r / (S)columns;
        for (i = 0; i < columns; i += LANES) {
            V g = NAME(get)(dy, i, columns) * (SUM(get)(w, i, columns) + (S)offset) * r;
            g = MULTIPLY_ADD(NAME(get)(x, i, columns), mean, g);
            if (accumulate) g += NAME(get)(dx, i, columns);
            NAME(put)(dx, i, columns, g);
        }
        dx += columns;
    }
}
