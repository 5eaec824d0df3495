// NF4 and FP4 (Dettmers et al. 2023) and int8 (Dettmers et al. 2022), as bitsandbytes stores them.

// The scale of a block of 64 elements.
INLINE float PATH(block_scale)(const fledge_blocks *m, long block) {
    if (!m->nested) return m->scales[block];
    // Rounded after the product, as in the reference.
    float product = m->nested_codes[m->nested[block]] * m->scales[block / 256];
    return product + m->nested_offset;
}

INLINE PATH(leveled) PATH(codes)(const fledge_blocks *m, long group) {
    float scale = PATH(block_scale)(m, group / 2);
    PATH(leveled) result = {.numbers = m->data + group * 16};
    memcpy(&result.levels, m->codes, sizeof result.levels);
    for (int i = 0; i < 64 / VECTOR_BYTES; i++) result.levels.v[i] *= scale;
    return result;
}

// The last group of a row may be cut short: nothing behind it is read.
INLINE PATH(group) PATH(bytes)(const fledge_blocks *m, long row, long at) {
    const uint8_t *b = m->data + row * m->row_bytes + at;
    uint8_t part[32] = {0};
    if (m->columns - at < 32) {
        memcpy(part, b, m->columns - at);
        b = part;
    }
    return PATH(scaled_bytes)(b, m->scales[row] - (vf){});
}
