#!/usr/bin/env python3
"""Reads the includes of src/, include/ and the faces (cli/ ...) and fails, with file:line and the rule, where one goes up
or sideways. The floors are in ARCHITECTURE.md; this table is their only other copy.

    tools/check_floors.py [ROOT]
"""
import pathlib
import re
import sys

# room -> floor. A room sees itself, the floors below, and include/roberta (types of the contract) from anywhere.
FLOORS = {
    "src/core": 0, "src/io": 0, "src/device": 0,
    "src/backend": 1, "src/comm": 1,
    "src/runtime": 2, "src/text": 2,
    "src/model": 3,
    "src/data": 4,
    "src/tasks": 5, "src/convert": 5,
    "src/train": 6, "src/infer": 6,
    "src/api": 7, "include/roberta": 7,
    "server": 8, "python": 8,
    "cli": 9,
}
# On the ground floor core/ carries the other two rooms.
SIDEWAYS = {("src/io", "src/core"), ("src/device", "src/core"), ("src/api", "include/roberta")}
# Stricter than the floors: what these rooms may see, and who may see these rooms.
ONLY_SEES = {"src/model": {"src/core", "src/io", "src/device"}}
ONLY_SEEN_BY = {"src/backend": {"src/runtime"}, "src/comm": {"src/runtime"}}
# Rooms of rooms: src/backend/cpu must not see src/backend/ref.
SUITES = ("src/backend", "src/comm")

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<(roberta/[^>]+)>)')
SUFFIXES = {".h", ".cc", ".cu", ".cuh", ".inc", ".cpp", ".hpp"}


def room_of(path):
    for depth in (2, 1):
        room = "/".join(path.parts[:depth])
        if room in FLOORS and len(path.parts) > depth:
            return room
    return None


def suite_of(path):
    """The folder of src/backend or src/comm that a file lives in; None for one directly in them (shared by all)."""
    return path.parts[2] if "/".join(path.parts[:2]) in SUITES and len(path.parts) > 3 else None


def resolve(root, path, name):
    for base in (path.parent, pathlib.Path("src"), pathlib.Path("include"), pathlib.Path("")):
        if (root / base / name).is_file():
            return base / name
    return None


def verdict(path, target):
    """Why `path` must not include `target`; None when it may."""
    here, there = room_of(path), room_of(target)
    if here is None or there == "include/roberta":
        return None
    if there is None:
        return f"{target.parts[0]}/ is no room of the house"
    if here == there:
        if suite_of(target) not in (None, suite_of(path)):
            return f"{'/'.join(path.parts[:3])} must not see its neighbour {'/'.join(target.parts[:3])}"
        return None
    if (here, there) in SIDEWAYS:
        return None
    if here in ONLY_SEES and there not in ONLY_SEES[here]:
        return f"{here} sees only {', '.join(sorted(ONLY_SEES[here]))}"
    if there in ONLY_SEEN_BY and here not in ONLY_SEEN_BY[there]:
        return f"{there} is seen only by {', '.join(sorted(ONLY_SEEN_BY[there]))}"
    if FLOORS[there] > FLOORS[here]:
        return f"up: {here} is on floor {FLOORS[here]}, {there} on floor {FLOORS[there]}"
    if FLOORS[there] == FLOORS[here]:
        return f"sideways: {here} and {there} are both on floor {FLOORS[here]}"
    return None


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent)
    files, problems = 0, []
    for top in sorted({room.split("/")[0] for room in FLOORS}):
        for file in sorted((root / top).rglob("*")):
            if file.suffix not in SUFFIXES:
                continue
            files += 1
            path = file.relative_to(root)
            if path.parts[0] == "src" and room_of(path) is None:
                problems.append(f"{path}:1: {'/'.join(path.parts[:2])} is in no floor; add it to tools/check_floors.py")
                continue
            for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
                found = INCLUDE.match(line)
                if not found:
                    continue
                name = found[1] or found[2]
                target = resolve(root, path, name)
                if ".." in name:
                    why = "write includes from src/ or include/, without '..'"
                elif target is None:
                    why = "no such file of the house; other libraries are included with <>"
                else:
                    why = verdict(path, target)
                if why:
                    problems.append(f'{path}:{number}: "{name}": {why}')
    print("\n".join(problems), end="\n" if problems else "")
    print(f"check_floors: {files} files, {len(problems)} includes against the rules")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
