// Softmax over one row of logits, in the type of the sums.

static double NAME(log_sum_exp)(const void *logits, long n) {
    const S *x = logits;
    S top = SUM(largest)(x, n);
    // One infinite logit must not become a NaN by subtraction.
    if (top == (S)INFINITY || top == -(S)INFINITY) return (double)top;
    double total = 0;
    for (long begin = 0; begin < n; begin += 2048) {
        long end = begin + 2048 < n ? begin + 2048 : n, i = begin;
        V sums[2] = {};
        for (; i + 2 * LANES <= end; i += 2 * LANES)
            for (int j = 0; j < 2; j++) sums[j] += SUM(exp)(SUM(load)(x + i + j * LANES) - top);
        total += SUM(reduce)(sums[0] + sums[1]);
        for (; i < end; i++) total += exp((double)(x[i] - top));
    }
    return (double)top + log(total);
}

// Goes forward, so that the gradient may overwrite the logits, also in a narrower type.
static void NAME(probability_gradient)(
    void *dp, const void *logits, double log_sum, long n, long target, double scale) {
    const S *x = logits;
    T *d = dp;
    S shift = (S)log_sum, s = (S)scale;
    V at_target = SUM(exp)((V){} + (x[target] - shift));
    for (long i = 0; i < n; i += LANES)
        NAME(put)(d, i, n, SUM(exp)(SUM(get)(x, i, n) - shift) * s);
    NAME(put)(d + target, 0, 1, (at_target - 1) * s);
}
