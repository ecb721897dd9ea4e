// SPDX-License-Identifier: MIT
// Views of up to six axes, those of extent 1 in front.
const uint RANK = 6;

/// Where element `index` of a view of this shape lies.
#define ELEMENT_OF(index, shape, stride, result)                                                                       \
    {                                                                                                                  \
        uint rest = index;                                                                                             \
        result = 0;                                                                                                    \
        for (int axis = int(RANK) - 1; axis >= 0; axis--) {                                                            \
            result += rest % shape[axis] * stride[axis];                                                               \
            rest /= shape[axis];                                                                                       \
        }                                                                                                              \
    }
