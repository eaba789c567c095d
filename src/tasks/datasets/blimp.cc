#include "tasks/datasets/blimp.h"

#include <algorithm>
#include <map>

#include "core/error.h"
#include "core/strings.h"
#include "io/json/json.h"
#include "io/tar.h"
#include "io/text_reader.h"

namespace roberta {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMaxFileBytes = 256u << 20;

/// The 12 phenomena of the paper. In the files two paradigms of argument structure have their own name.
std::string phenomenon_of(const std::string& linguistics_term) {
  return linguistics_term == "s-selection" ? "argument_structure" : linguistics_term;
}

/// Pairs by (phenomenon, paradigm): the order of the result.
class Collector {
 public:
  explicit Collector(int64_t limit) : limit_(limit) {}

  void line(std::string_view text, const std::string& file, int64_t number) {
    if (trimmed(text).empty()) return;
    const std::string location = concat(file, ":", number);
    Json row;
    try {
      row = parse_json(text, "blimp", location);
      const JsonFields fields(row, "blimp", location);
      const auto need = [&](const char* name) {
        if (!fields.find(name)) fields.refuse(name, "is missing");
        return fields.string(name, "");
      };
      const std::string term = need("linguistics_term"), uid = need("UID"), good = need("sentence_good");
      add(term, uid, good, need("sentence_bad"));
    } catch (const Error& error) {  // parse_json fails with Error(kModel)
      throw Error(ErrorCode::kInput, error.what());
    }
  }

  BlimpPairs finish() && {
    BlimpPairs out;
    for (auto& [names, pairs] : found_) {
      BlimpParadigm paradigm;
      paradigm.phenomenon = names.first;
      paradigm.name = names.second;
      for (auto& [good, bad] : pairs)
        out.pairs.push_back({std::move(good), std::move(bad), out.paradigms.size()});
      out.paradigms.push_back(std::move(paradigm));
    }
    return out;
  }

 private:
  void add(const std::string& term, const std::string& uid, std::string good, std::string bad) {
    auto& pairs = found_[{phenomenon_of(term), uid}];
    if (limit_ == 0 || static_cast<int64_t>(pairs.size()) < limit_)
      pairs.emplace_back(std::move(good), std::move(bad));
  }

  int64_t limit_;
  std::map<std::pair<std::string, std::string>, std::vector<std::pair<std::string, std::string>>> found_;
};

void read_file(const fs::path& file, Collector& to) {
  TextReader reader(file);
  for (std::string_view line; reader.next_line(line);) to.line(line, reader.name(), reader.line_number());
}

void read_archive(const fs::path& archive, Collector& to) {
  read_tar(archive, kMaxFileBytes, [&](const std::string& name, const std::string& content) {
    if (!name.ends_with(".jsonl")) return;
    int64_t number = 0;
    for (size_t begin = 0; begin < content.size();) {
      const size_t end = std::min(content.find('\n', begin), content.size());
      to.line(std::string_view(content).substr(begin, end - begin), name, ++number);
      begin = end + 1;
    }
  });
}

bool is_jsonl(const fs::path& path) {
  const std::string name = path.filename().string();
  return name.ends_with(".jsonl") || name.ends_with(".jsonl.gz") || name.ends_with(".jsonl.zst");
}

}  // namespace

BlimpPairs read_blimp(const fs::path& path, int64_t limit) {
  Collector collector(limit);
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) {
    std::vector<fs::path> files;
    for (const fs::directory_entry& entry : fs::directory_iterator(path)) {
      if (is_jsonl(entry.path())) files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    for (const fs::path& file : files) read_file(file, collector);
  } else if (is_tar_name(path)) {
    read_archive(path, collector);
  } else {
    read_file(path, collector);
  }
  BlimpPairs out = std::move(collector).finish();
  if (out.pairs.empty()) {
    fail(ErrorCode::kInput, "[blimp] ", path.string(),
         ": no pairs; give the folder of BLiMP's .jsonl files, one of them, or a tar archive of them");
  }
  return out;
}

BlimpEvaluation count_blimp(const BlimpPairs& data, const std::vector<bool>& correct) {
  BlimpEvaluation out;
  out.overall.name = "overall";
  out.paradigms = data.paradigms;
  for (size_t i = 0; i < data.pairs.size(); ++i) {
    BlimpParadigm& paradigm = out.paradigms[data.pairs[i].paradigm];
    ++paradigm.pairs;
    paradigm.correct += correct[i];
  }
  for (const BlimpParadigm& paradigm : out.paradigms) {
    if (out.phenomena.empty() || out.phenomena.back().name != paradigm.phenomenon) {
      out.phenomena.push_back({paradigm.phenomenon});
    }
    for (BlimpCount* sum : {&out.phenomena.back(), &out.overall}) {
      sum->pairs += paradigm.pairs;
      sum->correct += paradigm.correct;
    }
  }
  return out;
}

}  // namespace roberta
