// Logits that are scaled and bounded: c·tanh(s·x/c), and the slope of that.

// Without a cap (0) they are scaled alone.
static void NAME(soft_cap)(void *xp, long n, double scale, double cap) {
    T *x = xp;
    S factor = (S)(cap > 0 ? scale / cap : scale);
    for (long i = 0; i < n; i += LANES) {
        V z = NAME(get)(x, i, n) * factor;
        NAME(put)(x, i, n, cap > 0 ? (S)cap * SUM(tanh)(z) : z);
    }
}

// Multiplies gradients of what soft_cap gave, y, so that they are those of what it took.
static void NAME(soft_cap_backward)(
    void *gp, const void *yp, long n, double scale, double cap) {
    T *g = gp;
    const T *y = yp;
    V one = (V){} + 1;
    for (long i = 0; i < n; i += LANES) {
        V t = NAME(get)(y, i, n) * (S)(1 / cap);
        NAME(put)(g, i, n, NAME(get)(g, i, n) * (one - t * t) * (S)scale);
    }
}
