// roberta tokenize: text to token ids, tokens and offsets.

#include <algorithm>

#include "cli/io/load.h"
#include "cli/io/parallel.h"
#include "cli/io/stream.h"
#include "cli/io/terminal.h"
#include "cli/settings/options.h"
#include "io/json/json_text.h"

namespace roberta::cli {
namespace {

constexpr Option kOptions[] = {
    {"format", Type::kChoice, "json", "json|text", "output format: one line of JSON per text, or a table"},
    {"no-special-tokens", Type::kFlag, "false", "", "do not add <s> and </s>"},
    {"plain-text", Type::kFlag, "false", "",
     "treat special strings in the text, such as <mask>, as ordinary text"},
    {"ids-only", Type::kFlag, "false", "", "print only ids, without tokens and offsets; faster"},
};
constexpr OptionGroup kGroups[] = {{"Options", kOptions}, kTokenizerGroup, kStreamGroup};

template <class T, class Append>
void append_list(std::string& out, const std::vector<T>& items, Append append) {
  out += '[';
  for (size_t i = 0; i < items.size(); ++i) {
    if (i) out += ',';
    append(items[i]);
  }
  out += ']';
}

std::string as_json(const Tokenizer& tokenizer, const Encoding& encoding) {
  std::string out;
  out.reserve(encoding.ids.size() * 32 + 40);
  out += "{\"ids\":";
  append_list(out, encoding.ids, [&](int32_t id) { append_number(out, id); });
  out += ",\"tokens\":";
  append_list(out, encoding.ids, [&](int32_t id) { append_json_string(out, tokenizer.id_to_token(id)); });
  out += ",\"offsets\":";
  append_list(out, encoding.offsets, [&](Offset offset) {
    out += '[';
    append_number(out, offset.begin);
    out += ',';
    append_number(out, offset.end);
    out += ']';
  });
  return out += '}';
}

/// Columns: id, token, begin..end; an empty line after each text.
std::string as_table(const Tokenizer& tokenizer, const Encoding& encoding) {
  int id_width = 1, token_width = 1;
  std::vector<std::string> tokens;
  for (int32_t id : encoding.ids) {
    tokens.push_back(printable(tokenizer.id_to_token(id)));
    id_width = std::max(id_width, static_cast<int>(std::to_string(id).size()));
    token_width = std::max(token_width, std::min(display_width(tokens.back()), 40));
  }
  std::string out;
  for (size_t i = 0; i < tokens.size(); ++i) {
    std::string id = std::to_string(encoding.ids[i]);
    out.append(static_cast<size_t>(id_width) - id.size(), ' ') += id + "  " + tokens[i];
    out.append(static_cast<size_t>(std::max(0, token_width - display_width(tokens[i])) + 2), ' ');
    const Offset& offset = encoding.offsets[i];
    out += std::to_string(offset.begin) + ".." + std::to_string(offset.end) + "\n";
  }
  return out;
}

void ids_only(const Tokenizer& tokenizer, const std::vector<std::string_view>& texts,
              const EncodeOptions& options, bool json, int threads, std::span<std::string> results) {
  std::vector<int32_t> ids;
  std::vector<int64_t> starts;
  tokenizer.encode_ids_batch(texts, ids, starts, options.add_special_tokens, options.parse_special_tokens,
                             threads);
  parallel_for(static_cast<int64_t>(texts.size()), threads, [&](int64_t i) {
    std::string& out = results[static_cast<size_t>(i)];
    auto at = static_cast<size_t>(starts[static_cast<size_t>(i)]),
         end = static_cast<size_t>(starts[static_cast<size_t>(i) + 1]);
    if (json) out = "{\"ids\":[";
    for (size_t k = at; k < end; ++k) {
      if (k > at) out += json ? ',' : ' ';
      append_number(out, ids[k]);
    }
    if (json) out += "]}";
  });
}

int run(const Settings& settings) {
  bool json = wants_json(settings), only_ids = settings.flag("ids-only");
  int threads = thread_count(settings);
  Tokenizer tokenizer = load_tokenizer(settings);
  EncodeOptions options;
  options.add_special_tokens = !settings.flag("no-special-tokens");
  options.parse_special_tokens = !settings.flag("plain-text");
  StreamOptions stream;
  stream.batch_bytes = 4 << 20;
  stream.batch_rows = 65536;
  return run_stream(settings, stream, [&](std::span<const Row> rows, std::span<std::string> results) {
    std::vector<std::string_view> texts;
    for (const Row& row : rows) texts.push_back(row.text);
    if (only_ids) return ids_only(tokenizer, texts, options, json, threads, results);
    std::vector<Encoding> encodings = tokenizer.encode_batch(texts, options, threads);
    parallel_for(static_cast<int64_t>(rows.size()), threads, [&](int64_t i) {
      auto k = static_cast<size_t>(i);
      results[k] = json ? as_json(tokenizer, encodings[k]) : as_table(tokenizer, encodings[k]);
    });
  });
}

}  // namespace

extern const Command tokenize_command;
const Command tokenize_command{
    .name = "tokenize",
    .arguments = "[TEXT...]",
    .summary = "convert text to token ids, tokens and offsets",
    .description =
        "Encodes each argument or each line of standard input and prints {\"ids\", \"tokens\",\n"
        "\"offsets\"}; offsets count code points. Special tokens are added, and special strings in the\n"
        "text are recognized, as in Hugging Face tokenizers. Texts are never truncated.",
    .example = "echo 'Hello world' | roberta tokenize --model DIR",
    .groups = kGroups,
    .run = run,
};

}  // namespace roberta::cli
