// Products by their types, and the path's table.

static void PATH(product)(const fledge_product *product) {
    if (product->rows <= 0 || product->columns <= 0) return;
    if (product->c_type == FLEDGE_FLOAT64) {
        if (!PATH(dots_sum64)(product)) PATH(multiply_sum64)(product);
    }
    else if (PATH(dots_sum32)(product)) return;
#if PAIRS
    else if (product->a_type == FLEDGE_BFLOAT16
             && (product->b_type == FLEDGE_BFLOAT16 || product->b_type >= FLEDGE_BLOCKS))
        PATH(multiply_pairs)(product);
#endif
    else PATH(multiply_sum32)(product);
}

const fledge_table PATH(fledge_table) = {
    .name = PATH_NAME,
#if PAIRS
    .native_bfloat16 = 1,
#endif
    .float32 = &PATH(kernels_float32),
    .float64 = &PATH(kernels_float64),
    .bfloat16 = &PATH(kernels_bfloat16),
    .product = PATH(product),
    .expand = PATH(expand),
    .adamw = PATH(adamw),
};
