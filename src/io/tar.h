#pragma once
// Reads the files of a tar archive (ustar and GNU; plain, .gz or .zst), for data sets that are distributed as
// one.

#include <filesystem>
#include <functional>
#include <string>

namespace roberta {

/// Calls file(name, content) for each regular file, in the order of the archive; folders, links and extended
/// headers are skipped. Error(kInput) that names the archive when it is damaged or a file has more than
/// `limit` bytes.
void read_tar(const std::filesystem::path& archive, uint64_t limit,
              const std::function<void(const std::string& name, std::string content)>& file);
/// By its name: .tar, .tar.gz, .tgz, .tar.zst.
bool is_tar_name(const std::filesystem::path& path);

}  // namespace roberta
