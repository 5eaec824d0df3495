#ifndef FLEDGE_KERNELS_H
#define FLEDGE_KERNELS_H
const char *fledge_kernels_path(void);
#endif
