// What a chunk of the gated delta rule is made of, in the type of the sums.
//
// With decays G summed up from the chunk's beginning and Γ[i][j] = e^(G[i] - G[j]) for j <= i: M = K·Kᵀ∘Γ
// below the diagonal, P = Q·Kᵀ∘Γ up to it, (1 + βM)·V = β(Y), Y = values - e^G·K·S, the output is
// e^G·Q·S + P·V, and S becomes e^G[n]·S + Kᵀ·(e^(G[n] - G)·V) (Yang et al. 2024).

#ifndef FLEDGE_DELTA_ROWS
#define FLEDGE_DELTA_ROWS
enum { chunk_rows = 64, strip_rows = 6 };
// Which part of a product counts: all, columns up to a row's own, or terms up to it, or from it on.
enum { whole_product, lower_columns, lower_terms, upper_terms };
#endif

enum { SUM(delta_panel) = ATTENTION_VECTORS * LANES };

INLINE long SUM(delta_width)(long channels) {
    long panel = SUM(delta_panel);
    return (channels + panel - 1) / panel * panel;
}

// C[rows, columns] (+)= A·B; panels of B lie `b_panel` elements apart, their rows `b_row`. All of a panel
// of C is written.
static void SUM(delta_product)(
    long rows, long columns, long depth, const S *a, long a_row, long a_depth, const S *b,
    long b_panel, long b_row, S *c, long c_row, int load, int part) {
    long panel = SUM(delta_panel);
    for (long j = 0; j < columns; j += panel, b += b_panel)
        for (long i = 0; i < rows; i += strip_rows) {
            long height = rows - i < strip_rows ? rows - i : strip_rows, begin = 0, end = depth;
            int vectors = ATTENTION_VECTORS;
            if (part == lower_columns) {
                if (i + height <= j) continue;
                if (i + height - j <= LANES) vectors = 1;
                else if (i + height - j <= TILE_VECTORS * LANES) vectors = TILE_VECTORS;
            }
            if (part == lower_terms && i + height < depth) end = i + height;
            if (part == upper_terms) begin = i;
            SUM(tile_strided)(
                (int)height, vectors, end - begin, (const char *)(a + i * a_row + begin * a_depth),
                a_row * (long)sizeof(S), a_depth * (long)sizeof(S), b + begin * b_row, b_row,
                c + i * c_row + j, c_row, load);
        }
}

// The same with B as it lies, its rows one behind the other.
INLINE void SUM(delta_rows_product)(
    long rows, long columns, long depth, const S *a, long a_row, long a_depth, const S *b,
    long b_row, S *c, long c_row, int load, int part) {
    SUM(delta_product)(
        rows, columns, depth, a, a_row, a_depth, b, SUM(delta_panel), b_row, c, c_row, load, part);
}

// x[rows, columns] transposed, in panels of its rows: [columns][panel] each.
INLINE void SUM(delta_transposed)(S *d, const S *x, long stride, long rows, long columns) {
    fledge_product p = {
        .depth = columns, .b = x, .b_type = SUM(type), .b_column = stride, .b_depth = 1};
    SUM(pack_right)(&p, d, 0, rows, 0, columns, ATTENTION_VECTORS);
}

// A·B with B transposed by the above.
INLINE void SUM(delta_packed_product)(
    long rows, long columns, long depth, const S *a, long a_row, const S *b, S *c, long c_row,
    int load, int part) {
    SUM(delta_product)(
        rows, columns, depth, a, a_row, 1, b, depth * SUM(delta_panel), SUM(delta_panel), c, c_row,
        load, part);
}

INLINE S SUM(delta_dot)(const S *a, const S *b, long n) {
    V sum = {};
    for (long i = 0; i < n; i += LANES)
        sum = MULTIPLY_ADD(SUM(load)(a + i), SUM(load)(b + i), sum);
    return SUM(reduce)(sum);
}

INLINE void SUM(delta_add)(S *d, const S *a, S factor, long n) {
    V f = (V){} + factor;
    for (long i = 0; i < n; i += LANES)
        SUM(store)(d + i, MULTIPLY_ADD(f, SUM(load)(a + i), SUM(load)(d + i)));
}

INLINE void SUM(delta_scale)(S *d, const S *a, S factor, long n) {
    for (long i = 0; i < n; i += LANES) SUM(store)(d + i, SUM(load)(a + i) * factor);
}

// Rows of a chunk, of which the last may be missing. Channels behind the last are zero.
typedef struct SUM(delta_chunk) {
    long rows, key_channels, value_channels, key_width, value_width;
    S *q, *k;                    // [rows, key_width]
    S *y, *v;                    // [rows, value_width]
    S *keys;                     // k transposed
    S *decays, *m, *p, *solve;   // [rows, 64]: Γ, M, P, -βM
    S *beta, *g;                 // sigmoid(b), and what e^g decays by
    S *sums, *before, *behind;   // G, e^G, e^(G[n] - G)
} SUM(delta_chunk);

// Γ, M, P and what is solved with.
static void SUM(delta_prepare)(const SUM(delta_chunk) *c) {
    S sum = 0;
    for (long i = 0; i < chunk_rows; i++) c->sums[i] = sum += i < c->rows ? c->g[i] : 0;
    for (long i = 0; i < chunk_rows; i += LANES) {
        V sums = SUM(load)(c->sums + i);
        SUM(store)(c->before + i, SUM(exp)(sums));
        SUM(store)(c->behind + i, SUM(exp)(sum - sums));
    }
    long n = c->rows, kw = c->key_width;
    SUM(delta_transposed)(c->keys, c->k, kw, n, kw);
    SUM(delta_packed_product)(n, n, kw, c->k, kw, c->keys, c->m, chunk_rows, 0, lower_columns);
    SUM(delta_packed_product)(n, n, kw, c->q, kw, c->keys, c->p, chunk_rows, 0, lower_columns);
    for (long i = 0; i < n; i++) {
        S *decays = c->decays + i * chunk_rows, *m = c->m + i * chunk_rows;
        S *p = c->p + i * chunk_rows, *solve = c->solve + i * chunk_rows;
        for (long j = 0; j < chunk_rows; j += LANES) {
            V decay = {}, below = {}, up = {};
            if (j <= i) {
                decay = SUM(exp)(c->sums[i] - SUM(load)(c->sums + j));
                decay = SUM(lanes_between)(decay, 0, i + 1 - j, (V){});
                below = SUM(lanes_between)(SUM(load)(m + j) * decay, 0, i - j, (V){});
                up = SUM(lanes_between)(SUM(load)(p + j) * decay, 0, i + 1 - j, (V){});
            }
            SUM(store)(decays + j, decay);
            SUM(store)(m + j, below);
            SUM(store)(p + j, up);
            SUM(store)(solve + j, below * -c->beta[i]);
        }
    }
}

// x becomes what (1 - A)·x was, A being zero from the diagonal on.
static void SUM(delta_solve)(long rows, long columns, const S *a, S *x) {
    for (long i = 0; i < rows; i += strip_rows) {
        long height = rows - i < strip_rows ? rows - i : strip_rows;
        if (i > 0)
            SUM(delta_rows_product)(
                height, columns, i, a + i * chunk_rows, chunk_rows, 1, x, columns,
                x + i * columns, columns, 1, whole_product);
        for (long r = i + 1; r < i + height; r++)
            for (long j = i; j < r; j++)
                SUM(delta_add)(x + r * columns, x + j * columns, a[r * chunk_rows + j], columns);
    }
}

// The same with A transposed.
static void SUM(delta_solve_transposed)(long rows, long columns, const S *a, S *x) {
    for (long i = (rows - 1) / strip_rows * strip_rows; i >= 0; i -= strip_rows) {
        long end = i + strip_rows < rows ? i + strip_rows : rows;
        if (end < rows)
            SUM(delta_rows_product)(
                end - i, columns, rows - end, a + end * chunk_rows + i, 1, chunk_rows,
                x + end * columns, columns, x + i * columns, columns, 1, whole_product);
        for (long j = end - 2; j >= i; j--)
            for (long r = j + 1; r < end; r++)
                SUM(delta_add)(x + j * columns, x + r * columns, a[r * chunk_rows + j], columns);
    }
}

// Turns the values in y into Y, sets V, and brings the state behind the chunk; `scratch` holds a row of
// values for each row. Without `state` it was zero.
static void SUM(delta_advance)(
    const SUM(delta_chunk) *c, S *state, const int is_zero, S *scratch) {
    long n = c->rows, kw = c->key_width, vw = c->value_width;
    if (!is_zero)
        SUM(delta_rows_product)(
            n, vw, c->key_channels, c->k, kw, 1, state, vw, scratch, vw, 0, whole_product);
    for (long i = 0; i < n; i++) {
        S *y = c->y + i * vw;
        if (!is_zero) SUM(delta_add)(y, scratch + i * vw, -c->before[i], vw);
        SUM(delta_scale)(c->v + i * vw, y, c->beta[i], vw);
    }
    SUM(delta_solve)(n, vw, c->solve, c->v);
    for (long i = 0; i < n; i++)
        SUM(delta_scale)(scratch + i * vw, c->v + i * vw, c->behind[i], vw);
    S all = c->before[n - 1];
    if (!is_zero)
        for (long i = 0; i < c->key_channels; i++)
            SUM(delta_scale)(state + i * vw, state + i * vw, all, vw);
    SUM(delta_rows_product)(
        c->key_channels, vw, n, c->k, 1, kw, scratch, vw, state, vw, !is_zero, whole_product);
}

// What the state before the chunk says of its output.
static void SUM(delta_foresee)(const SUM(delta_chunk) *c, const S *state, S *output) {
    long n = c->rows, vw = c->value_width;
    SUM(delta_rows_product)(
        n, vw, c->key_channels, c->q, c->key_width, 1, state, vw, output, vw, 0, whole_product);
    for (long i = 0; i < n; i++)
        SUM(delta_scale)(output + i * vw, output + i * vw, c->before[i], vw);
}

// What the chunk's own rows add to it, or all of it if the state was zero.
static void SUM(delta_output)(const SUM(delta_chunk) *c, const int is_zero, S *output) {
    long n = c->rows, vw = c->value_width;
    SUM(delta_rows_product)(
        n, vw, n, c->p, chunk_rows, 1, c->v, vw, output, vw, !is_zero, lower_terms);
}
