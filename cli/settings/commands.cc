#include "cli/settings/commands.h"

#include <string>
#include <vector>

#include "core/nearest.h"
#include "roberta/error.h"

namespace roberta::cli {

extern const Command answer_command, classify_command, completion_command, config_command, detokenize_command,
    doctor_command, embed_command, evaluate_command, export_command, fill_mask_command, finetune_command,
    help_command, info_command, init_command, inspect_command, man_command, merge_command, plan_command,
    plot_command, prepare_command, pretrain_command, run_command, score_command, serve_command, tag_command,
    tokenize_command, train_tokenizer_command, version_command, zero_shot_command;

namespace {
constexpr const Command* kCommands[] = {
    &fill_mask_command,
    &embed_command,
    &score_command,
    &classify_command,
    &tag_command,
    &answer_command,
    &zero_shot_command,
    &serve_command,
    &evaluate_command,
    &run_command,
    &tokenize_command,
    &detokenize_command,
    &train_tokenizer_command,
    &prepare_command,
    &inspect_command,
    &pretrain_command,
    &finetune_command,
    &merge_command,
    &plan_command,
    &plot_command,
    &info_command,
    &init_command,
    &export_command,
    &doctor_command,
    &config_command,
    &completion_command,
    &man_command,
    &help_command,
    &version_command,
};
}  // namespace

std::span<const Command* const> commands() { return kCommands; }

const Command* find_command(std::string_view name) {
  std::string wanted(name);
  for (char& c : wanted) c = c == '_' ? '-' : c;
  for (const Command* command : kCommands)
    if (command->name == wanted) return command;
  return nullptr;
}

const Command& require_command(std::string_view name) {
  if (const Command* command = find_command(name)) return *command;
  std::vector<std::string> names;
  for (const Command* command : kCommands) names.emplace_back(command->name);
  throw Error(ErrorCode::kUsage, "unknown command '" + std::string(name) + "'" + did_you_mean(name, names) +
                                     "; run 'roberta help' for all commands");
}

}  // namespace roberta::cli
