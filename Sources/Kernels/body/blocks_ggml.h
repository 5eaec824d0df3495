// ggml's block formats: 32 elements of a row, numbered in groups of 32.

INLINE PATH(leveled) PATH(q4_0)(const uint8_t *row, unsigned long group) {
    const uint8_t *b = row + group * 18;
    return (PATH(leveled)){b + 2, PATH(levels_from)(PATH(half_lanes)(b), (vf){}, 8, 0)};
}

INLINE PATH(leveled) PATH(q4_1)(const uint8_t *row, unsigned long group) {
    const uint8_t *b = row + group * 20;
    vf scale, least;
    PATH(half_lanes_pair)(b, &scale, &least);
    return (PATH(leveled)){b + 4, PATH(levels_from)(scale, least, 0, 1)};
}

// Each of a group's vectors begins at element `e`; a part is half a group.
#define EACH_VECTOR(e) \
    for (int i = 0, e = 0; i < 128 / VECTOR_BYTES; i++, e += VECTOR_BYTES / 4)

// Numbers of five bits, low halves as in Q4_0 and a bit of `high` each, as
// offset + scale·(number - least).
INLINE PATH(group) PATH(five_bits)(
    const uint8_t *b, const uint8_t *bits, vf scale, vf offset, const int least) {
    uint32_t high;
    memcpy(&high, bits, 4);
#if PERMUTES_WORDS
    __m512i low = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)b));
    __m512i fifteen = _mm512_set1_epi32(15), sixteen = _mm512_set1_epi32(16);
    __m512i first = _mm512_and_si512(low, fifteen), second = _mm512_srli_epi32(low, 4);
    first = _mm512_mask_or_epi32(first, (__mmask16)high, first, sixteen);
    second = _mm512_mask_or_epi32(second, (__mmask16)(high >> 16), second, sixteen);
    __m512 lower = (__m512)PATH(levels_from)(scale, offset, least, !least).v[0];
    __m512 upper = (__m512)PATH(levels_from)(scale, offset, least - 16, !least).v[0];
    return (PATH(group)){{(vf)_mm512_permutex2var_ps(lower, first, upper),
                          (vf)_mm512_permutex2var_ps(lower, second, upper)}};
#else
    PATH(group) d;
    EACH_VECTOR(e) {
        vu low = PATH(some_numbers)(b + e % 16), bit = (vu){} + (high >> e);
        low = e < 16 ? low & 15 : low >> 4;
        low |= (bit >> PATH(lane_numbers)() & 1) << 4;
        vf number = __builtin_convertvector((vi)low - least, vf);
        d.v[i] = least ? number * scale : MULTIPLY_ADD(number, scale, offset);
    }
    return d;
#endif
}

INLINE PATH(group) PATH(q5_0)(const uint8_t *row, unsigned long group) {
    const uint8_t *b = row + group * 22;
    return PATH(five_bits)(b + 6, b + 2, PATH(half_lanes)(b), (vf){}, 16);
}

INLINE PATH(group) PATH(q5_1)(const uint8_t *row, unsigned long group) {
    const uint8_t *b = row + group * 24;
    vf scale, least;
    PATH(half_lanes_pair)(b, &scale, &least);
    return PATH(five_bits)(b + 8, b + 4, scale, least, 0);
}

INLINE PATH(group) PATH(q8_0)(const uint8_t *row, unsigned long group) {
    const uint8_t *b = row + group * 34;
    return PATH(scaled_bytes)(b + 2, PATH(half_lanes)(b));
}

// Blocks of 256 elements: eight groups, most of them in two parts with scales of their own.

INLINE PATH(group) PATH(q2_K)(const uint8_t *row, unsigned long group) {
    const uint8_t *b = row + group / 8 * 84;
    int g = (int)(group % 8);
    float scale = PATH(half)(b + 80), least = PATH(half)(b + 82);
    PATH(group) d;
    EACH_VECTOR(e) {
        uint8_t packed = b[2 * g + e / 16];
        float factor = scale * (float)(packed & 15), offset = least * (float)(packed >> 4);
        vu q = PATH(some_numbers)(b + 16 + g / 4 * 32 + e) >> (g % 4 * 2) & 3;
        d.v[i] = factor * __builtin_convertvector((vi)q, vf) - offset;
    }
    return d;
}

INLINE PATH(group) PATH(q3_K)(const uint8_t *row, unsigned long group) {
    const uint8_t *b = row + group / 8 * 110;
    int g = (int)(group % 8);
    float scale = PATH(half)(b + 108);
    PATH(group) d;
    EACH_VECTOR(e) {
        int s = 2 * g + e / 16;
        int low = b[96 + s % 8] >> (s < 8 ? 0 : 4) & 15, high = b[104 + s % 4] >> (s / 4 * 2) & 3;
        float factor = scale * (float)((low | high << 4) - 32);
        vu q = PATH(some_numbers)(b + 32 + g / 4 * 32 + e) >> (g % 4 * 2) & 3;
        // A cleared mask bit takes 4 off.
        vu mask = PATH(some_numbers)(b + e) >> g & 1;
        d.v[i] = factor * __builtin_convertvector((vi)(q + mask * 4) - 4, vf);
    }
    return d;
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

INLINE PATH(group) PATH(q4_K)(const uint8_t *row, unsigned long group) {
    const uint8_t *b = row + group / 8 * 144;
    int g = (int)(group % 8);
    float scale, least;
    PATH(six_bits)(b + 4, g, &scale, &least);
    scale *= PATH(half)(b);
    least *= PATH(half)(b + 2);
    PATH(group) d;
    EACH_VECTOR(e) {
        vu q = PATH(some_numbers)(b + 16 + g / 2 * 32 + e) >> (g % 2 * 4) & 15;
        d.v[i] = scale * __builtin_convertvector((vi)q, vf) - least;
    }
    return d;
}

INLINE PATH(group) PATH(q5_K)(const uint8_t *row, unsigned long group) {
    const uint8_t *b = row + group / 8 * 176;
    int g = (int)(group % 8);
    float scale, least;
    PATH(six_bits)(b + 4, g, &scale, &least);
    scale *= PATH(half)(b);
    least *= PATH(half)(b + 2);
    PATH(group) d;
    EACH_VECTOR(e) {
        vu q = PATH(some_numbers)(b + 48 + g / 2 * 32 + e) >> (g % 2 * 4) & 15;
        vu high = PATH(some_numbers)(b + 16 + e) >> g & 1;
        d.v[i] = scale * __builtin_convertvector((vi)(q | high << 4), vf) - least;
    }
    return d;
}

INLINE PATH(group) PATH(q6_K)(const uint8_t *row, unsigned long group) {
    const uint8_t *b = row + group / 8 * 210;
    int g = (int)(group % 8);
    float scale = PATH(half)(b + 208);
    // Groups 0…3 use the first 64 low and 32 high bytes, 4…7 the rest.
    const uint8_t *low = b + g / 4 * 64 + g % 2 * 32, *high = b + 128 + g / 4 * 32;
    PATH(group) d;
    EACH_VECTOR(e) {
        float factor = scale * (float)(int8_t)b[192 + 2 * g + e / 16];
        vu q = PATH(some_numbers)(low + e) >> (g % 4 < 2 ? 0 : 4) & 15;
        q |= (PATH(some_numbers)(high + e) >> (g % 4 * 2) & 3) << 4;
        d.v[i] = factor * __builtin_convertvector((vi)q - 32, vf);
    }
    return d;
}
#undef EACH_VECTOR
