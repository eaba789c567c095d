#pragma once
// Files that grow record by record while others read them: logs. Each record is one write, so that a killed
// process leaves whole ones.

#include <filesystem>
#include <string>
#include <string_view>

namespace roberta {

/// Returns a file descriptor, which the caller closes. Creates the file if it is missing. Error(kResource)
/// "[part] FILE: ...".
int open_to_append(const std::filesystem::path& path, const std::string& part);
void append_fully(int fd, std::string_view bytes, const std::filesystem::path& path, const std::string& part);

}  // namespace roberta
