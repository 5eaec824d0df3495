// Packs right-hand columns from a matrix in blocks: what a panel needs is expanded to the type of
// the left operand, and packed as a plain matrix would be.

static void B(pack_right)(
    const fledge_product *p, UNIT *d, long j0, long n, long k0, long depth, int vectors);

static void B(pack_blocks)(
    const fledge_product *p, UNIT *d, long j0, long n, long k0, long depth, int vectors) {
    long begin = k0 * B(unit_elements), count = depth * B(unit_elements);
    if (count > p->depth - begin) count = p->depth - begin;
    fledge_product plain = *p;
    plain.b_type = p->a_type;
    plain.columns = n;
    plain.depth = count;
    long size = p->a_type == FLEDGE_FLOAT64 ? 8 : p->a_type == FLEDGE_FLOAT32 ? 4 : 2;
    char *expanded = fledge_scratch(FLEDGE_SCRATCH_BLOCKS, n * count * size + 64);
    plain.b = expanded;
    if (p->b_depth) {   // a column of the product is a row of the matrix
        plain.b_column = count;
        for (long j = 0; j < n; j++)
            PATH(expand)(
                expanded + j * count * size, p->a_type, p->b, p->b_type, j0 + j, begin, count);
    } else {
        plain.b_depth = n;
        for (long k = 0; k < count; k++)
            PATH(expand)(expanded + k * n * size, p->a_type, p->b, p->b_type, begin + k, j0, n);
    }
    B(pack_right)(&plain, d, 0, n, 0, depth, vectors);
}
