// The tables of kernels: one for each instruction set, holding one for each element type.
#ifndef FLEDGE_TABLE_H
#define FLEDGE_TABLE_H
#include <stdint.h>

#pragma clang assume_nonnull begin

/// Numbered as the tensor module's ElementType.
enum { FLEDGE_FLOAT32 = 0, FLEDGE_FLOAT64 = 1, FLEDGE_BFLOAT16 = 2 };

/// How a frozen matrix is kept in blocks; beside the element types where a product's `b_type` is.
///
/// FLEDGE_CODES holds four-bit codes, the first of two neighbours in the high half of a byte, with
/// one scale for 64 elements counted through all rows. FLEDGE_INT8 holds a byte an element and one
/// scale a row. The others are ggml's block formats, each row by itself.
enum {
    FLEDGE_BLOCKS = 16,
    FLEDGE_CODES = FLEDGE_BLOCKS, FLEDGE_INT8, FLEDGE_Q4_0, FLEDGE_Q4_1, FLEDGE_Q5_0, FLEDGE_Q5_1,
    FLEDGE_Q8_0, FLEDGE_Q2_K, FLEDGE_Q3_K, FLEDGE_Q4_K, FLEDGE_Q5_K, FLEDGE_Q6_K
};

/// A frozen matrix in blocks: what `b` points to in a product whose `b_type` is one of the above.
typedef struct fledge_blocks {
    long columns;      // elements of a row; whole blocks of ggml's formats
    long row_bytes;    // from row to row; FLEDGE_CODES has no rows of its own
    const uint8_t *data;
    /// FLEDGE_INT8: what a row's bytes are multiplied by. FLEDGE_CODES: the scale of each block or,
    /// where `nested`, of each 256 of those.
    const float *_Nullable scales;
    /// FLEDGE_CODES: the 16 values; then, for nested scales, a byte a block, the 256 values that
    /// bytes stand for, and what is added to each.
    const float *_Nullable codes;
    const uint8_t *_Nullable nested;
    const float *_Nullable nested_codes;
    float nested_offset;
} fledge_blocks;

/// Activations of a gated unit.
enum {
    FLEDGE_SILU = 0, FLEDGE_GELU_TANH = 1, FLEDGE_GELU = 2, FLEDGE_SIGMOID = 3,
    FLEDGE_CLAMPED_SILU = 4
};

/// A product of small depth that is added to another: A[rows, depth]·B[depth, columns], both in the
/// type of the sums, A's rows contiguous.
typedef struct fledge_second_product {
    long depth;
    const void *a;
    long a_row;
    const void *b;
    long b_column, b_depth;
} fledge_second_product;

/// C[rows, columns] = A·B (+ C) (+ second) (+ bias), with strides in elements; one stride of A and one
/// of B is 1.
///
/// Types are float32 and bfloat16 in any mixture with sums in float32, or float64 throughout. B may
/// be in blocks (`fledge_blocks`), which count as elements of A's type: the strides are then 1 along
/// the matrix's rows and 0 across them.
typedef struct fledge_product {
    long rows, columns, depth;
    const void *a;
    int a_type;
    long a_row, a_depth;
    const void *b;
    int b_type;
    long b_column, b_depth;
    void *c;
    int c_type;
    long c_row;
    int accumulate;
    /// One number a column, in the type of the sums.
    const void *_Nullable bias;
    const fledge_second_product *_Nullable second;
    /// Sums each element across lanes of the depth where both operands run along it: B is then read
    /// once as it lies, which few rows want. Bits differ from the other order's, not with the rows.
    int by_lanes;
} fledge_product;

/// Rows of a matrix that lie together.
typedef struct fledge_run { long start, count; } fledge_run;

/// Causal attention of a run of queries over the keys of their sequence.
///
/// The keys are the rows of `runs` one after another; the last `query_count` of them are the
/// queries' own, so query `i` sees the first `key_count - query_count + i + 1`. Rows lie
/// `query_stride` (queries, output) and `key_stride` (keys, values) elements apart; head `h` begins
/// `h·dimension` into a row. Of the keys that a query sees the last `window` count, its own among them;
/// a window as long as the sequence is none.
typedef struct fledge_attention {
    long query_start, query_count, key_count;
    const fledge_run *_Nullable runs;
    long dimension, group, heads;
    long query_stride, key_stride, window;
    double scale;
    /// What scores are bounded by, c·tanh(s/c); 0 for nothing.
    double soft_cap;
    /// A score of each head that joins the softmax and has no value, in the type of the sums.
    const void *_Nullable sinks;
    const void *_Nullable q, *_Nullable k, *_Nullable v;
    void *_Nullable output;
    /// Log-sum-exp of each (query, head), rows of `heads`, in the type of the sums.
    void *_Nullable log_sums;
} fledge_attention;

/// Gradient of attention; rows are those of the whole run of `rows` tokens.
///
/// Gradients are summed in the type of the sums for every query head apart, `[heads, rows, width]`
/// with the kernels' `attention_width`; `inner` holds rowsum(dO∘O), `[heads, rows]`.
typedef struct fledge_attention_gradient {
    long rows, dimension, width, group, heads;
    long query_stride, key_stride, window;
    double scale, soft_cap;
    const void *_Nullable q, *_Nullable k, *_Nullable v;
    const void *_Nullable output, *_Nullable output_gradient, *_Nullable log_sums;
    void *_Nullable inner, *_Nullable dq, *_Nullable dk, *_Nullable dv;
} fledge_attention_gradient;

/// Queries and keys that meet; `distance` is how far the first query stands behind the first key in
/// their sequence.
typedef struct fledge_attention_pair {
    long query_start, query_count, key_start, key_count, distance;
} fledge_attention_pair;
/// One step of Adam with decoupled weight decay (Loshchilov and Hutter 2019) in float32, `c1`, `c2`
/// being 1 - beta^step.
typedef struct fledge_adamw {
    long n;
    /// The weights; null where they are kept as bfloat16 alone.
    float *_Nullable p;
    /// The weights rounded to bfloat16; null where nothing multiplies them so.
    uint16_t *_Nullable rounded;
    const float *_Nullable gradient;
    float *_Nullable first, *_Nullable second;
    /// What gradients are multiplied by before they are used.
    double gradient_scale;
    double rate, beta1, beta2, epsilon, decay, c1, c2;
} fledge_adamw;

/// A short causal convolution of each channel over rows of one sequence.
typedef struct fledge_convolution {
    long rows, columns, width;
    /// Whether SiLU follows.
    int activates;
    const void *x;
    /// The `width - 1` rows before the first, the oldest first; null for zeros.
    const void *_Nullable const *_Nullable history;
    /// Weights (S), `[width, columns]`, the last for the row itself; and one a column.
    const void *weight;
    const void *_Nullable bias;
    void *_Nullable output;
} fledge_convolution;

/// Where the gradients of a convolution go; weights and bias are added to.
typedef struct fledge_convolution_gradient {
    const void *output;
    void *_Nullable x;
    /// What rows of other jobs give to the last `width - 1` rows (S), the last row first.
    const void *_Nullable later;
    /// Where what the rows before the first get is added (S); null for zeros.
    void *_Nullable const *_Nullable history;
    void *_Nullable weight, *_Nullable bias;
} fledge_convolution_gradient;

/// Rows of one sequence in a gated delta rule.
typedef struct fledge_delta_segment {
    long start, count;
    /// An earlier segment that this one goes on from, or -1.
    long parent;
    /// The state before the first row where there is no parent, null for zeros, and the one behind
    /// the last (S): `[value heads, key channels, value channels]`.
    const void *_Nullable initial;
    void *_Nullable end;
} fledge_delta_segment;

/// The gated delta rule (Yang et al. 2024) over sequences that go on from each other.
///
/// A row of x holds the queries of all key heads, their keys, and the values of all value heads, one
/// behind the other; queries and keys are divided by their lengths. A value head's state decays by
/// e^(-e^log_rate·softplus(a + bias)) a row, and forgets what it holds under a key by sigmoid(b).
typedef struct fledge_delta {
    const fledge_delta_segment *_Nullable segments;
    long segment_count;
    long key_heads, value_heads, key_channels, value_channels;
    const void *_Nullable x, *_Nullable a, *_Nullable b;
    const void *_Nullable log_rates, *_Nullable biases;   // S, one a value head
    void *_Nullable output;
    const void *_Nullable output_gradient;
    void *_Nullable x_gradient, *_Nullable a_gradient, *_Nullable b_gradient;
    /// S, set: those of `log_rates`, then those of `biases`.
    void *_Nullable rates_gradient;
} fledge_delta;

/// Kernels on elements of one type. Sums, statistics and weights of norms are float32 (float64 for
/// float64 elements), called S below. `d` is the destination; lengths are in elements.
typedef struct fledge_element_kernels {
    void (*to_float)(float *d, const void *x, long n);
    void (*from_float)(void *d, const float *x, long n);
    void (*add)(void *d, const void *a, const void *b, long n);
    void (*subtract)(void *d, const void *a, const void *b, long n);
    void (*multiply)(void *d, const void *a, const void *b, long n);
    /// d += a·b
    void (*multiply_add)(void *d, const void *a, const void *b, long n);
    void (*scale)(void *d, const void *a, double s, long n);
    /// d += s·a
    void (*scale_add)(void *d, const void *a, double s, long n);
    double (*sum)(const void *a, long n);
    double (*sum_squares)(const void *a, long n);
    /// d (S) += the sum over rows of a.
    void (*sum_rows)(void *d, const void *a, long rows, long columns);

    void (*rms_forward)(
        void *d, void *rstd, const void *x, const void *w, long rows, long columns, double epsilon,
        double offset, int rounds);
    /// dw (S) is added to; dx is added to when `accumulate`.
    void (*rms_backward)(
        void *_Nullable dx, void *_Nullable dw, const void *dy, const void *x, const void *rstd,
        const void *w, long rows, long columns, int accumulate, double offset, int rounds);
    /// Rotates the pairs (i, i + half) of each head of one row; by the negative angle if `inverse`.
    void (*rotate)(
        void *d, const void *x, const float *cosines, const float *sines, long heads,
        long dimension, long half, int inverse);
    /// The same of the pairs (2i, 2i + 1).
    void (*rotate_neighbours)(
        void *d, const void *x, const float *cosines, const float *sines, long heads,
        long dimension, long half, int inverse);
    void (*gate_forward)(void *d, const void *gate, const void *up, long n, int activation);
    void (*gate_backward)(
        void *dgate, void *dup, const void *dy, const void *gate, const void *up, long n,
        int activation);

    /// x becomes cap·tanh(scale·x / cap), or scale·x where cap is 0.
    void (*soft_cap)(void *x, long n, double scale, double cap);
    /// Multiplies gradients by the slope of soft_cap where it gave y; cap is above 0.
    void (*soft_cap_backward)(void *gradients, const void *y, long n, double scale, double cap);
    /// One row of one key: each element survives with probability 1 - p and is divided by it.
    void (*dropout)(void *d, const void *x, uint64_t key, long n, double p, int accumulate);

    /// Logits (S) of one row: returns their log-sum-exp.
    double (*log_sum_exp)(const void *logits, long n);
    /// d = scale·(softmax(logits) - onehot(target)); d may be the logits' own memory.
    void (*probability_gradient)(
        void *d, const void *logits, double log_sum, long n, long target, double scale);

    /// All queries of one block of 64 for the heads of one key-value head.
    void (*attention_forward)(const fledge_attention *job, long key_value_head, long query_block);
    /// Elements of a row of gradients: the dimension, rounded up to whole tiles.
    long (*attention_width)(long dimension);
    /// Sets `inner` and clears the gradients of some rows of one query head.
    void (*attention_prepare)(
        const fledge_attention_gradient *job, long head, long start, long count);
    /// Adds what the pair contributes to the gradients, for the heads of one key-value head.
    void (*attention_backward)(
        const fledge_attention_gradient *job, long key_value_head,
        const fledge_attention_pair *pair);
    /// d[row, dimension] = the sum over `group` parts (S), rows `width` and parts `head_stride` apart.
    void (*fold_heads)(
        void *d, const void *parts, long width, long head_stride, long group, long rows,
        long dimension, long d_stride);

    /// Some rows of a job.
    void (*convolution_forward)(const fledge_convolution *job, long first, long count);
    /// All rows of a job, columns begin ..< end.
    void (*convolution_backward)(
        const fledge_convolution *job, const fledge_convolution_gradient *gradient, long begin,
        long end);
    /// All segments for one value head.
    void (*delta_forward)(const fledge_delta *job, long value_head);
    /// All segments for the value heads of one key head.
    void (*delta_backward)(const fledge_delta *job, long key_head);
    /// Bytes of a thread's own memory that the backward pass takes for rows of `chunks` chunks of 64 in
    /// `segments` segments.
    long (*delta_bytes)(const fledge_delta *job, long chunks, long segments);
} fledge_element_kernels;

typedef struct fledge_table {
    const char *name;
    /// Whether the path multiplies bfloat16 without widening it first.
    int native_bfloat16;
    const fledge_element_kernels *float32, *float64, *bfloat16;
    void (*product)(const fledge_product *product);
    /// Elements `begin ..< begin + count` of a row of a matrix in blocks, as an element type.
    void (*expand)(
        void *d, int type, const fledge_blocks *matrix, int format, long row, long begin,
        long count);
    void (*adamw)(const fledge_adamw *job);
} fledge_table;

/// The table in use: this thread's override, FLEDGE_KERNELS, or the best that the CPU can run.
const fledge_table *fledge_kernels(void);
/// The kernels of an element type in a table.
const fledge_element_kernels *fledge_kernels_of(const fledge_table *table, int type);
/// The table of a name; null when there is none that this CPU can run.
const fledge_table *_Nullable fledge_kernels_named(const char *name);
/// Replaces the table for this thread; null ends that.
void fledge_override_kernels(const fledge_table *_Nullable table);
/// Name of the path at an index; null behind the last.
const char *_Nullable fledge_kernels_name(long index);

#pragma clang assume_nonnull end
#endif
