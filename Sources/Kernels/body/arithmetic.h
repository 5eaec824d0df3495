// Element by element arithmetic and sums.

static void NAME(to_float)(float *d, const void *x, long n) {
    const T *a = x;
#ifdef SUM_IS_FLOAT
    for (long i = 0; i < n; i += LANES) SUM(put)(d, i, n, NAME(get)(a, i, n));
#else
    for (long i = 0; i < n; i++) d[i] = (float)a[i];
#endif
}

static void NAME(from_float)(void *destination, const float *x, long n) {
    T *d = destination;
#ifdef SUM_IS_FLOAT
    for (long i = 0; i < n; i += LANES) NAME(put)(d, i, n, SUM(get)(x, i, n));
#else
    for (long i = 0; i < n; i++) d[i] = x[i];
#endif
}

#define BINARY(OPERATION, EXPRESSION) \
    static void NAME(OPERATION)(void *dp, const void *ap, const void *bp, long n) { \
        T *d = dp; \
        const T *a = ap, *b = bp; \
        for (long i = 0; i < n; i += LANES) { \
            V x = NAME(get)(a, i, n), y = NAME(get)(b, i, n); \
            NAME(put)(d, i, n, EXPRESSION); \
        } \
    }
BINARY(add, x + y)
BINARY(subtract, x - y)
BINARY(multiply, x *y)
BINARY(multiply_add, MULTIPLY_ADD(x, y, NAME(get)(d, i, n)))
#undef BINARY

static void NAME(scale)(void *dp, const void *ap, double factor, long n) {
    T *d = dp;
    const T *a = ap;
    S s = (S)factor;
    for (long i = 0; i < n; i += LANES) NAME(put)(d, i, n, NAME(get)(a, i, n) * s);
}

static void NAME(scale_add)(void *dp, const void *ap, double factor, long n) {
    T *d = dp;
    const T *a = ap;
    V s = (V){} + (S)factor;
    for (long i = 0; i < n; i += LANES)
        NAME(put)(d, i, n, MULTIPLY_ADD(s, NAME(get)(a, i, n), NAME(get)(d, i, n)));
}

// In float64 whatever is summed: a norm over millions of elements keeps its digits.
static double NAME(sum)(const void *ap, long n) {
    const T *a = ap;
    double total = 0;
    for (long begin = 0; begin < n; begin += 256) {
        long end = begin + 256 < n ? begin + 256 : n;
        V sum = {};
        for (long i = begin; i < end; i += LANES) sum += NAME(get)(a, i, end);
        total += SUM(reduce)(sum);
    }
    return total;
}

static double NAME(sum_squares)(const void *ap, long n) {
    const T *a = ap;
    double total = 0;
    for (long begin = 0; begin < n; begin += 256) {
        long end = begin + 256 < n ? begin + 256 : n;
        V sum = {};
        for (long i = begin; i < end; i += LANES) {
            V x = NAME(get)(a, i, end);
            sum = MULTIPLY_ADD(x, x, sum);
        }
        total += SUM(reduce)(sum);
    }
    return total;
}

static void NAME(sum_rows)(void *dp, const void *ap, long rows, long columns) {
    S *d = dp;
    const T *a = ap;
    for (long row = 0; row < rows; row++, a += columns)
        for (long i = 0; i < columns; i += LANES)
            SUM(put)(d, i, columns, SUM(get)(d, i, columns) + NAME(get)(a, i, columns));
}
