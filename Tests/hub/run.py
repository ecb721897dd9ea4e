# SPDX-License-Identifier: MIT
"""Runs the proofs; see run.sh."""
import argparse, os, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness
import compatibility, faults, hostile, kills, loading, slim, speed

parser = argparse.ArgumentParser()
parser.add_argument("folder")
parser.add_argument("--full", action="store_true")
parser.add_argument("--proof", action="append", default=[])
parser.add_argument("--filter", default="")
arguments = parser.parse_args()
harness.COMMAND[:] = [os.path.abspath(arguments.folder) + "/beasts"]
counts = harness.run_cases(arguments.proof, arguments.full, arguments.filter)
print(f"hub: {counts['passed']} passed, {counts['FAILED']} failed, {counts['skipped']} skipped")
sys.exit(1 if counts["FAILED"] or not counts["passed"] else 0)
