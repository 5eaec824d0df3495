// Products by their types, and the path's table.

INLINE void PATH(product_as)(const fledge_product *product, const int by_pairs) {
    if (product->rows <= 0 || product->columns <= 0) return;
    if (product->c_type == FLEDGE_FLOAT64) {
        if (!PATH(dots_sum64)(product)) PATH(multiply_sum64)(product);
        return;
    }
#if PAIRS
    if (by_pairs && PATH(dots_pairs)(product)) return;
#endif
    if (PATH(dots_sum32)(product)) return;
#if PAIRS
    if (by_pairs && product->a_type == FLEDGE_BFLOAT16
        && (product->b_type == FLEDGE_BFLOAT16 || product->b_type >= FLEDGE_BLOCKS)) {
        PATH(multiply_pairs)(product);
        return;
    }
#endif
    PATH(multiply_sum32)(product);
}

#define TABLE(variable, text, product_function, by_pairs, bfloat16_kernels) \
    static void product_function(const fledge_product *product) { \
        PATH(product_as)(product, by_pairs); \
    } \
    const fledge_table variable = { \
        .name = text, \
        .native_bfloat16 = by_pairs, \
        .float32 = &PATH(kernels_float32), \
        .float64 = &PATH(kernels_float64), \
        .bfloat16 = &bfloat16_kernels, \
        .product = product_function, \
        .expand = PATH(expand), \
        .adamw = PATH(adamw), \
    };
#if PAIRS
TABLE(PATH(fledge_table), PATH_NAME, PATH(product), 1, PATH(kernels_pairs))
#else
TABLE(PATH(fledge_table), PATH_NAME, PATH(product), 0, PATH(kernels_bfloat16))
#endif
#if PAIR_INSTRUCTION
// For cores that multiply pairs more slowly than floats: rounds by instruction, widens to multiply.
TABLE(
    PATH(fledge_table_widened), PATH_NAME "-widened", PATH(product_widened), 0,
    PATH(kernels_bfloat16))
#endif
#undef TABLE
