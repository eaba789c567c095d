#pragma once
// The options that commands share; names and values of a single option.

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "cli/settings/command.h"

namespace roberta::cli {

inline constexpr Option kCommonOptions[] = {
    {"config", Type::kPath, "", "FILE",
     "YAML file of options: 'name: value' for every command, or under 'COMMAND:' for one"},
    {"threads", Type::kInteger, "0", "0..4096", "number of threads; 0 = all cores available to the process"},
    {"verbose", Type::kFlag, "false", "", "print debug messages on standard error", 'v'},
    {"quiet", Type::kFlag, "false", "", "print only errors on standard error", 'q'},
    {"log-format", Type::kChoice, "text", "text|json", "format of messages on standard error"},
    {"progress", Type::kChoice, "auto", "auto|always|never",
     "progress bar; auto = when standard error is a terminal"},
    {"color", Type::kChoice, "auto", "auto|always|never",
     "colored output; auto = on a terminal, subject to NO_COLOR, CLICOLOR_FORCE and TERM=dumb"},
    {"help", Type::kFlag, "false", "", "print help and exit", 'h'},
    {"version", Type::kFlag, "false", "", "print the version and exit", 'V'},
};
inline constexpr OptionGroup kCommonGroup{"Common options", kCommonOptions};

inline constexpr Option kTokenizerOptions[] = {
    {"model", Type::kPath, "", "DIR", "directory of a model or tokenizer", 'm'},
};
inline constexpr OptionGroup kTokenizerGroup{"Tokenizer", kTokenizerOptions};

inline constexpr Option kModelOptions[] = {
    {"model", Type::kPath, "", "DIR",
     "model directory (config.json, model.safetensors, tokenizer.json), or a LoRA adapter with a known base",
     'm'},
    {"adapter", Type::kPath, "", "DIR", "LoRA adapter in PEFT's format, merged into the weights of --model"},
    {"dtype", Type::kChoice, "float32", "float32=f32=fp32|bfloat16=bf16",
     "data type of weights and matrix products"},
    {"device", Type::kChoice, "cpu", "cpu|ref",
     "compute device; ref = slow reference implementation, for checking"},
    {"max-batch-tokens", Type::kInteger, "4096", "1..1073741824", "maximum number of tokens in a batch"},
    {"strict-format", Type::kFlag, "true", "",
     "reject safetensors files with duplicate keys or leading white space"},
};
inline constexpr OptionGroup kModelGroup{"Model", kModelOptions};

// The default of --format differs between commands, so each command has its own.
inline constexpr Option kStreamOptions[] = {
    {"input", Type::kChoice, "text", "text|jsonl",
     "input format: one text per line, or one JSON object per line"},
    {"keep-fields", Type::kFlag, "false", "",
     "print each input row as JSON, with the result added as 'output'"},
    {"on-error", Type::kChoice, "stop", "stop|skip",
     "action on an invalid row; skip = print {\"error\", \"line\"} in its place, continue, and exit with 3"},
    {"invalid-utf8", Type::kChoice, "error", "error|replace",
     "invalid UTF-8: reject the row, or replace each invalid sequence with U+FFFD"},
    {"line-buffered", Type::kFlag, "false", "",
     "process and flush each line at once; always on for a terminal"},
    {"max-line-bytes", Type::kInteger, "67108864", "1..4294967296",
     "maximum length of an input line in bytes; longer lines are invalid rows"},
};
inline constexpr OptionGroup kStreamGroup{"Input and output", kStreamOptions};

/// All groups of a command, the common one last.
std::vector<OptionGroup> groups_of(const Command& command);
/// The group named by a section of a YAML file ("optimizer"), ignoring case; null if there is none.
/// Deprecated titles are found too.
const OptionGroup* find_section(const Command& command, std::string_view name);
/// Whether `name` is the deprecated title of the group.
bool is_deprecated_title(const OptionGroup& group, std::string_view name);
/// By kebab-case or snake_case name, deprecated names included; null if the command has no such option.
const Option* find_option(const Command& command, std::string_view name);
/// Whether `name`, in kebab case, is one of the deprecated names.
bool is_deprecated_name(const Option& option, std::string_view name);
/// Whether `value` is a deprecated spelling of a choice.
bool is_deprecated_value(const Option& option, std::string_view value);

/// Parses a Type::kDuration; nullopt if it is not one, is negative or exceeds a year.
std::optional<std::chrono::milliseconds> duration_of(std::string_view text);
std::string kebab(std::string_view name);                ///< top_k -> top-k
std::string environment_name(std::string_view name);     ///< top-k -> ROBERTA_TOP_K
bool takes_environment(const Option& option);            ///< all except help and version
std::vector<std::string> choices(const Option& option);  ///< canonical spellings only
std::vector<std::string> deprecated_names(const Option& option);
std::string value_name(const Option& option);  ///< for help: "text|json", "N", "DIR"; "" for a flag
std::string type_name(const Option& option);   ///< "flag", "integer 1..100", "choice", ...
/// The type, default, environment variable and deprecated names, for help: "integer 1..9; default 1; ..."
std::string option_facts(const Option& option);
/// The value in canonical spelling. Throws Error(kUsage) that starts with `where` ("--top-k",
/// "ROBERTA_TOP_K").
std::string check_value(const Option& option, std::string_view value, const std::string& where);

}  // namespace roberta::cli
