// Headers that most files need and that are slow to parse, parsed once for a build (cmake/precompiled.cmake).
// A file still names what it uses: builds with ROBERTA_PRECOMPILED_HEADERS=OFF (sanitizers, fuzzing, clang)
// prove it.
#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>
