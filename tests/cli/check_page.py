"""check_page.py PAGE: the page stands alone and its document is sound; prints counts as NAME=NUMBER lines."""
import json
import re
import sys

page = open(sys.argv[1], encoding="utf-8").read()
found = re.search(r'<script type="application/json" id="document">(.*?)</script>', page, re.S)
rest = page.replace(found[1], "")
assert not re.search(r"https?://|\ssrc=|<link|@import|url\(", rest), "the page asks for something outside"
assert "@DOCUMENT@" not in page and "@include" not in page
document = json.loads(found[1])
strings = document["strings"]

for scene in (document["graph"], document["kernels"]):
    nodes, groups = scene["nodes"], scene["groups"]
    for source, result, target, *back in scene["edges"]:
        assert 0 <= target < len(nodes) and result < len(nodes[source]["t"]), "an edge joins results and ops"
        assert back or source < target or nodes[target]["k"] == "region", "edges follow the program"
    for node in nodes:
        assert -1 <= node["g"] < len(groups)
        assert node["k"] != "op" or node["at"] or scene is document["kernels"], "every op has a line"
        assert all(0 <= text < len(strings) for text in node["t"])
    for number, group in enumerate(groups):
        seen = set()
        while number >= 0:
            assert number not in seen, "groups nest"
            seen.add(number)
            number = groups[number]["p"]

ops = [node for node in document["graph"]["nodes"] if node["k"] == "op"]
launches = [node for node in document["kernels"]["nodes"] if "kind" in node]
read = {target for _, _, target, *_ in document["kernels"]["edges"]}
for number, node in enumerate(document["kernels"]["nodes"]):
    # One that reads nothing and has no ops fills memory with a constant.
    assert "kind" not in node or node["ops"] or number not in read, "a kernel stands for ops"
derivatives = [op for op in ops if op["ph"] == 1]
linked = [op for op in derivatives if "of" in op]
for op in linked:
    assert document["graph"]["nodes"][op["of"]]["ph"] == 0, "a derivative belongs to a forward op"
covered = {op for launch in launches for op in launch["ops"]}
heavy = [i for i, node in enumerate(document["graph"]["nodes"]) if node["k"] == "op" and strings[node["n"]] in ("dot", "exp", "reduce_sum")]
counts = {
    "ops": len(ops), "launches": len(launches), "derivatives": len(derivatives), "linked": len(linked),
    "heavy": len(heavy), "heavy_covered": len(covered.intersection(heavy)), "memory_lines": len(document["memory"]["lines"]),
    "back_edges": sum(len(edge) > 3 for edge in document["graph"]["edges"]),
}
for name, count in counts.items():
    print(f"{name}={count}")
for group in document["graph"]["groups"]:
    print("group", group["k"], group["n"])
for op in ops:
    print("op", strings[op["n"]], *(f"{strings[f]}:{line}" for f, line, *_ in op["at"]))
