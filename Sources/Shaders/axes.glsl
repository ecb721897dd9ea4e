// SPDX-License-Identifier: MIT
// Views of up to six axes, those of extent 1 in front.
const uint RANK = 6;
/// Those that are counted; divisions are dear.
layout(constant_id = 18) const uint AXES = RANK;

/// Where element `index` of a view of this shape lies.
#define ELEMENT_OF(index, shape, stride, result)                                                                       \
    {                                                                                                                  \
        uint rest = index;                                                                                             \
        result = 0;                                                                                                    \
        for (uint axis = RANK - 1; axis > RANK - AXES; axis--) {                                                       \
            result += rest % shape[axis] * stride[axis];                                                               \
            rest /= shape[axis];                                                                                       \
        }                                                                                                              \
        result += rest * stride[RANK - AXES];                                                                          \
    }
