#pragma once
// The options that commands share, and what can be said of one option: its names and its values.

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "cli/settings/command.h"

namespace roberta::cli {

inline constexpr Option kCommonOptions[] = {
    {"config", Type::kPath, "", "FILE",
     "YAML file with options: 'name: value' for all commands, or under 'COMMAND:'"},
    {"threads", Type::kInteger, "0", "0..4096", "threads to use; 0 = all cores that this process may use"},
    {"verbose", Type::kFlag, "false", "", "say more on standard error", 'v'},
    {"quiet", Type::kFlag, "false", "", "say nothing but errors on standard error", 'q'},
    {"log-format", Type::kChoice, "text", "text|json", "form of messages on standard error"},
    {"progress", Type::kChoice, "auto", "auto|always|never",
     "progress bar; auto = if standard error is a terminal"},
    {"color", Type::kChoice, "auto", "auto|always|never",
     "colour; auto = on a terminal, NO_COLOR, CLICOLOR_FORCE and TERM=dumb are honoured"},
    {"help", Type::kFlag, "false", "", "print help and exit", 'h'},
    {"version", Type::kFlag, "false", "", "print the version and exit", 'V'},
};
inline constexpr OptionGroup kCommonGroup{"Common options", kCommonOptions};

inline constexpr Option kTokenizerOptions[] = {
    {"model", Type::kPath, "", "DIR", "directory of a model or tokenizer", 'm'},
};
inline constexpr OptionGroup kTokenizerGroup{"Tokenizer", kTokenizerOptions};

inline constexpr Option kModelOptions[] = {
    {"model", Type::kPath, "", "DIR", "model directory (config.json, model.safetensors, tokenizer.json)",
     'm'},
    {"adapter", Type::kPath, "", "DIR",
     "LoRA adapter as PEFT writes it, merged into the weights; --model may also name one, whose base is then "
     "found"},
    {"dtype", Type::kChoice, "float32", "float32=f32=fp32|bfloat16=bf16",
     "precision of weights and matrix products"},
    {"device", Type::kChoice, "cpu", "cpu|ref", "where to compute; ref = plain loops, slow, for checking"},
    {"max-batch-tokens", Type::kInteger, "4096", "1..1073741824",
     "texts are run together up to this many tokens"},
    {"strict-format", Type::kFlag, "true", "",
     "refuse safetensors files with duplicate keys or leading white space"},
};
inline constexpr OptionGroup kModelGroup{"Model", kModelOptions};

// The format option has another default in each command, so it is theirs.
inline constexpr Option kStreamOptions[] = {
    {"input", Type::kChoice, "text", "text|jsonl",
     "form of the input: one text a line, or one JSON object a line"},
    {"keep-fields", Type::kFlag, "false", "",
     "print each input row back with the answer under 'output' (JSON)"},
    {"on-error", Type::kChoice, "stop", "stop|skip",
     "bad row: stop, or print {\"error\", \"line\"} in its place, go on, and exit 3 at the end"},
    {"invalid-utf8", Type::kChoice, "error", "error|replace",
     "ill-formed UTF-8: a bad row, or read as U+FFFD"},
    {"line-buffered", Type::kFlag, "false", "", "answer and flush line by line; implied on a terminal"},
    {"max-line-bytes", Type::kInteger, "67108864", "1..4294967296", "longer input lines are bad rows"},
};
inline constexpr OptionGroup kStreamGroup{"Input and output", kStreamOptions};

/// All groups of a command, the common one last.
std::vector<OptionGroup> groups_of(const Command& command);
/// The group whose title a section of a recipe bears ("optimizer"), in any case; null when there is none.
const OptionGroup* find_section(const Command& command, std::string_view name);
/// By kebab or snake name; null when the command has no such option.
const Option* find_option(const Command& command, std::string_view name);

/// Of Type::kDuration; nothing when it is none, is negative or above a year.
std::optional<std::chrono::milliseconds> duration_of(std::string_view text);
std::string kebab(std::string_view name);                ///< top_k -> top-k
std::string environment_name(const Option& option);      ///< ROBERTA_TOP_K
bool takes_environment(const Option& option);            ///< all but help and version
std::vector<std::string> choices(const Option& option);  ///< without the other spellings
std::string value_name(const Option& option);            ///< for help: "text|json", "N", "DIR"; "" of a flag
std::string type_name(const Option& option);             ///< "flag", "integer 1..100", "one of", ...
/// The value in canonical spelling. Error(kUsage) that starts with `where` ("--top-k", "ROBERTA_TOP_K").
std::string check_value(const Option& option, std::string_view value, const std::string& where);

}  // namespace roberta::cli
