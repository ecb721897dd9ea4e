#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""compile-shader.py LIBRARY SOURCE RESULT: compiles a compute shader for Vulkan 1.3.

LIBRARY is the glslang that the package slangpy carries, a shared library with one C function. It resolves no #include,
so that is done here.
"""
import ctypes
import os
import re
import sys

OUTPUT = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p)
COMPUTE_STAGE = 6  # Slang's number for it


class Request(ctypes.Structure):
    """struct glslang_CompileRequest_1_2 of Slang's slang-glslang.h; the last field is room for a longer one."""

    _fields_ = [
        ("size", ctypes.c_size_t),
        ("source_path", ctypes.c_char_p),
        ("input_begin", ctypes.c_void_p),
        ("input_end", ctypes.c_void_p),
        ("diagnostic", OUTPUT),
        ("diagnostic_data", ctypes.c_void_p),
        ("output", OUTPUT),
        ("output_data", ctypes.c_void_p),
        ("stage", ctypes.c_int),
        ("action", ctypes.c_uint),
        ("optimization_level", ctypes.c_uint),
        ("debug_level", ctypes.c_uint),
        ("spirv_target", ctypes.c_char_p),
        ("spirv_major", ctypes.c_int),
        ("spirv_minor", ctypes.c_int),
        ("spirv_patch", ctypes.c_int),
        ("entry_point", ctypes.c_char_p),
        ("unused", ctypes.c_void_p * 8),
    ]


def text_of(path):
    lines = []
    with open(path, encoding="utf-8") as file:
        for line in file:
            include = re.match(r'\s*#include "(.*)"', line)
            lines.append(text_of(os.path.join(os.path.dirname(path), include[1])) if include else line)
    return "".join(lines)


def main():
    library, source, result = sys.argv[1:]
    code, messages = bytearray(), []
    text = ctypes.create_string_buffer(text_of(source).encode())
    begin = ctypes.addressof(text)
    request = Request(
        size=Request.unused.offset,
        # The base name only: the result must not depend on where the sources lie.
        source_path=os.path.basename(source).encode(),
        input_begin=begin,
        input_end=begin + len(text.value),
        diagnostic=OUTPUT(lambda data, size, _: messages.append(ctypes.string_at(data, size).decode())),
        output=OUTPUT(lambda data, size, _: code.extend(ctypes.string_at(data, size))),
        stage=COMPUTE_STAGE,
        # No optimisation: spirv-opt is known to spoil cooperative matrices.
        optimization_level=0,
        spirv_target=b"vulkan1.3",
        spirv_major=1,
        spirv_minor=6,
        entry_point=b"main",
    )
    failed = ctypes.CDLL(library).glslang_compile_1_2(ctypes.byref(request)) != 0 or not code
    # The library warns that it does not know the version it was asked for, whichever that is.
    messages = [line for line in "".join(messages).splitlines() if line.strip() and "unknown SPIR-V version" not in line]
    if messages:
        print("\n".join(messages), file=sys.stderr)
    if failed:
        sys.exit(f"{source}: not compiled")
    with open(result, "wb") as file:
        file.write(code)


main()
