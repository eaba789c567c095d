#pragma once
// Rows of a file by the names of their columns, whatever its form: JSON lines, or CSV and TSV with a header.

#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "io/json/json.h"

namespace roberta {

/// values[i] is that of columns[i]: text of CSV and TSV. `place` is "FILE:LINE". False: no more rows are
/// wanted.
using NamedRowVisitor = std::function<bool(const std::vector<Json>& values, const std::string& place)>;

/// Also .gz, .zst and "-". Error(kInput) with file, line and the names that there are, where a column is
/// missing.
void for_each_named_row(const std::filesystem::path& file, std::span<const std::string> columns,
                        const NamedRowVisitor& visit);

}  // namespace roberta
