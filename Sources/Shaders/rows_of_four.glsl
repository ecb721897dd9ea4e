// SPDX-License-Identifier: MIT
// For kernels that keep many rows in an invocation: each is a variable of its own, written out by the preprocessor. An
// array that a loop walks would have to be unrolled by the driver, and lies in memory where that gives up.
#define EACH_ROW(X)                                                                                                    \
    X(0)                                                                                                               \
    X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15) X(16) X(17) X(18) X(19) X(20)     \
        X(21) X(22) X(23)
