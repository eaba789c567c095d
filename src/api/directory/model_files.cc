#include "api/directory/model_files.h"

#include <span>

#include "io/atomic_file.h"
#include "io/file.h"

namespace roberta {
namespace {

constexpr const char* kTokenizerFiles[] = {
    "tokenizer.json",          "vocab.json",       "merges.txt", "tokenizer_config.json",
    "special_tokens_map.json", "added_tokens.json"};
constexpr const char* kCompanionFiles[] = {"README.md", "modules.json", "sentence_bert_config.json",
                                           "config_sentence_transformers.json", "1_Pooling/config.json"};
constexpr uint64_t kMaxBytes = uint64_t{1} << 30;

void copy_files(std::span<const char* const> names, const std::filesystem::path& from,
                const std::filesystem::path& to, const std::string& part) {
  for (const char* name : names) {
    if (!std::filesystem::exists(from / name)) continue;
    std::filesystem::create_directories((to / name).parent_path());
    write_file_atomically(to / name, read_text_file(from / name, part, kMaxBytes));
  }
}

}  // namespace

void copy_tokenizer_files(const std::filesystem::path& from, const std::filesystem::path& to,
                          const std::string& part) {
  copy_files(kTokenizerFiles, from, to, part);
}
void copy_companion_files(const std::filesystem::path& from, const std::filesystem::path& to,
                          const std::string& part) {
  copy_files(kCompanionFiles, from, to, part);
}

}  // namespace roberta
