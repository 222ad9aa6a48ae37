"""Which of many trace ids the official SDK takes at a ratio: lines with the id and 1 or 0.

Arguments: the ratio, how many ids. The ids are the same in each run; the first ones lie around the ratio's border.
"""

import random
import sys

from opentelemetry.sdk.trace.sampling import TraceIdRatioBased

ratio, count = float(sys.argv[1]), int(sys.argv[2])
sampler = TraceIdRatioBased(ratio)
source = random.Random(ratio)
border = round(ratio * 2**64)
near = [border + offset for offset in range(-8, 9)]
ids = [(1 << 64) | low for low in [0, 1, 2**64 - 1, *near] if 0 <= low < 2**64]
while len(ids) < count:
    ids.append(source.randrange(1, 2**128))
for trace_id in ids:
    taken = sampler.should_sample(None, trace_id, "span").decision.is_sampled()
    print(f"{trace_id:032x} {int(taken)}")
