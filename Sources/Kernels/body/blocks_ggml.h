// ggml's block formats: 32 elements of a row, numbered in groups of 32.

INLINE void PATH(q4_0)(void *d, const int type, const uint8_t *row, long group) {
    const uint8_t *b = row + group * 18;
    PATH(put_levels)(
        d, type, b + 2, PATH(even_levels)(PATH(half)(b), 0, 8), PATH(halves));
}

INLINE void PATH(q4_1)(void *d, const int type, const uint8_t *row, long group) {
    const uint8_t *b = row + group * 20;
    PATH(put_levels)(
        d, type, b + 4, PATH(even_levels)(PATH(half)(b), PATH(half)(b + 2), 0), PATH(halves));
}

// 32 numbers of five bits: low halves as in Q4_0, and a bit of `high` each.
INLINE void PATH(q5)(int q[32], const uint8_t *b, const uint8_t *bits) {
    uint32_t high;
    memcpy(&high, bits, 4);
    for (int i = 0; i < 16; i++) {
        q[i] = (b[i] & 15) | (int)(high >> i & 1) << 4;
        q[i + 16] = b[i] >> 4 | (int)(high >> (i + 16) & 1) << 4;
    }
}

INLINE void PATH(q5_0)(void *d, const int type, const uint8_t *row, long group) {
    const uint8_t *b = row + group * 22;
    float scale = PATH(half)(b), x[32];
    int q[32];
    PATH(q5)(q, b + 6, b + 2);
    for (int i = 0; i < 32; i++) x[i] = scale * (float)(q[i] - 16);
    PATH(put_group)(d, type, x);
}

INLINE void PATH(q5_1)(void *d, const int type, const uint8_t *row, long group) {
    const uint8_t *b = row + group * 24;
    float scale = PATH(half)(b), least = PATH(half)(b + 2), x[32];
    int q[32];
    PATH(q5)(q, b + 8, b + 4);
    for (int i = 0; i < 32; i++) x[i] = scale * (float)q[i] + least;
    PATH(put_group)(d, type, x);
}

INLINE void PATH(q8_0)(void *d, const int type, const uint8_t *row, long group) {
    const uint8_t *b = row + group * 34;
    PATH(put_bytes)(d, type, b + 2, PATH(half)(b));
}

// Blocks of 256 elements: eight groups, most of them in two halves with scales of their own.

INLINE void PATH(q2_K)(void *d, const int type, const uint8_t *row, long group) {
    const uint8_t *b = row + group / 8 * 84;
    int g = (int)(group % 8);
    float scale = PATH(half)(b + 80), least = PATH(half)(b + 82), x[32];
    for (int part = 0; part < 2; part++) {
        uint8_t packed = b[2 * g + part];
        float factor = scale * (float)(packed & 15), offset = least * (float)(packed >> 4);
        const uint8_t *q = b + 16 + g / 4 * 32 + part * 16;
        for (int i = 0; i < 16; i++)
            x[part * 16 + i] = factor * (float)(q[i] >> (g % 4 * 2) & 3) - offset;
    }
    PATH(put_group)(d, type, x);
}

INLINE void PATH(q3_K)(void *d, const int type, const uint8_t *row, long group) {
    const uint8_t *b = row + group / 8 * 110;
    int g = (int)(group % 8);
    float scale = PATH(half)(b + 108), x[32];
    for (int part = 0; part < 2; part++) {
        int s = 2 * g + part;
        int low = b[96 + s % 8] >> (s < 8 ? 0 : 4) & 15, high = b[104 + s % 4] >> (s / 4 * 2) & 3;
        float factor = scale * (float)((low | high << 4) - 32);
        const uint8_t *q = b + 32 + g / 4 * 32 + part * 16, *mask = b + part * 16;
        // A cleared mask bit takes 4 off.
        for (int i = 0; i < 16; i++)
            x[part * 16 + i] = factor
                * (float)((q[i] >> (g % 4 * 2) & 3) - (1 - (mask[i] >> g & 1)) * 4);
    }
    PATH(put_group)(d, type, x);
}

// The six-bit scale and minimum of a group that Q4_K and Q5_K pack into twelve bytes.
INLINE void PATH(six_bits)(const uint8_t *b, int g, float *scale, float *least) {
    if (g < 4) {
        *scale = (float)(b[g] & 63);
        *least = (float)(b[g + 4] & 63);
    } else {
        *scale = (float)((b[g + 4] & 15) | b[g - 4] >> 6 << 4);
        *least = (float)(b[g + 4] >> 4 | b[g] >> 6 << 4);
    }
}

INLINE void PATH(q4_K)(void *d, const int type, const uint8_t *row, long group) {
    const uint8_t *b = row + group / 8 * 144;
    int g = (int)(group % 8);
    float scale, least, x[32];
    PATH(six_bits)(b + 4, g, &scale, &least);
    scale *= PATH(half)(b);
    least *= PATH(half)(b + 2);
    const uint8_t *q = b + 16 + g / 2 * 32;
    for (int i = 0; i < 32; i++) x[i] = scale * (float)(q[i] >> (g % 2 * 4) & 15) - least;
    PATH(put_group)(d, type, x);
}

INLINE void PATH(q5_K)(void *d, const int type, const uint8_t *row, long group) {
    const uint8_t *b = row + group / 8 * 176;
    int g = (int)(group % 8);
    float scale, least, x[32];
    PATH(six_bits)(b + 4, g, &scale, &least);
    scale *= PATH(half)(b);
    least *= PATH(half)(b + 2);
    const uint8_t *q = b + 48 + g / 2 * 32, *high = b + 16;
    for (int i = 0; i < 32; i++)
        x[i] = scale * (float)((q[i] >> (g % 2 * 4) & 15) | (high[i] >> g & 1) << 4) - least;
    PATH(put_group)(d, type, x);
}

INLINE void PATH(q6_K)(void *d, const int type, const uint8_t *row, long group) {
    const uint8_t *b = row + group / 8 * 210;
    int g = (int)(group % 8);
    float scale = PATH(half)(b + 208), x[32];
    // Groups 0…3 use the first 64 low and 32 high bytes, 4…7 the rest.
    const uint8_t *low = b + g / 4 * 64 + g % 2 * 32, *high = b + 128 + g / 4 * 32;
    for (int i = 0; i < 32; i++) {
        float factor = scale * (float)(int8_t)b[192 + 2 * g + i / 16];
        int q = (low[i] >> (g % 4 < 2 ? 0 : 4) & 15) | (high[i] >> (g % 4 * 2) & 3) << 4;
        x[i] = factor * (float)(q - 32);
    }
    PATH(put_group)(d, type, x);
}
