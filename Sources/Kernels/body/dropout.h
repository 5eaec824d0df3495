// Dropout whose mask is a function of (key, channel): nothing is saved for the backward pass.

static void NAME(dropout)(
    void *dp, const void *xp, uint64_t key, long n, double p, int accumulate) {
    T *d = dp;
    const T *x = xp;
    // One number of SplitMix64's mixing (the keyed generator's) serves two channels, 32 bits each.
    uint64_t limit = (uint64_t)(p * 4294967296.0);
    S factor = p < 1 ? (S)(1 / (1 - p)) : 0;
    for (long begin = 0; begin < n; begin += LANES) {
        S mask[LANES];
        for (int j = 0; j < LANES; j += 2) {
            uint64_t z = key + (uint64_t)((begin + j) / 2) * 0x9E3779B97F4A7C15u;
            z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
            z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
            z ^= z >> 31;
            mask[j] = (z & 0xFFFFFFFFu) < limit ? 0 : factor;
            mask[j + 1] = (z >> 32) < limit ? 0 : factor;
        }
        V y = NAME(get)(x, begin, n) * SUM(load)(mask);
        if (accumulate) y += NAME(get)(d, begin, n);
        NAME(put)(d, begin, n, y);
    }
}
