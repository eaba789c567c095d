// roberta embed: embeddings of texts or tokens.

#include <limits>
#include <memory>
#include <string>

#include "cli/io/load.h"
#include "cli/io/log.h"
#include "cli/io/npy.h"
#include "cli/io/parallel.h"
#include "cli/io/stream.h"
#include "cli/settings/options.h"
#include "io/json/json_text.h"
#include "roberta/error.h"
#include "roberta/pipeline.h"
#include "roberta/pipeline_json.h"

namespace roberta::cli {
namespace {

constexpr Option kOptions[] = {
    {"format", Type::kChoice, "json", "json|text|npy",
     "output format: {\"embedding\": [...]}, plain numbers, or a NumPy file (--output)"},
    {"pooling", Type::kChoice, "auto", "auto|cls|mean|max|none",
     "pooling of token vectors; none = one row per token; auto = from the model directory, otherwise mean"},
    {"normalize", Type::kFlag, "", "",
     "scale vectors to length 1; default: from the model directory, otherwise no"},
    {"layers", Type::kIntegerList, "-1", "-10000..10000", "layers to concatenate: 0 = embeddings, -1 = last"},
    {"truncate", Type::kFlag, "false", "",
     "truncate texts to the model's maximum length instead of rejecting longer ones"},
    {"output", Type::kPath, "", "FILE.npy", "NumPy file for the float32 rows, in the order of the input",
     'o'},
};
constexpr OptionGroup kGroups[] = {{"Options", kOptions}, kModelGroup, kStreamGroup};

Pooling pooling_of(const std::string& name) {
  if (name == "cls") return Pooling::kCls;
  if (name == "max") return Pooling::kMax;
  return name == "none" ? Pooling::kNone : Pooling::kMean;
}

std::string as_json(const Matrix& matrix, bool rows) {
  std::string out = "{\"embedding\":";
  rows ? append_json(out, matrix) : append_json(out, matrix.row(0));
  return out += '}';
}

/// Numbers separated by spaces, one line per row.
std::string as_text(const Matrix& matrix) {
  std::string out;
  for (int64_t r = 0; r < matrix.rows; ++r) {
    if (r) out += '\n';
    std::span<const float> row = matrix.row(r);
    for (size_t i = 0; i < row.size(); ++i) {
      if (i) out += ' ';
      append_json_number(out, row[i]);
    }
  }
  return out;
}

void append_all(NpyWriter& file, const std::vector<Matrix>& matrices) {
  for (const Matrix& matrix : matrices)
    for (float value : matrix.data) check_finite(value);
  for (const Matrix& matrix : matrices) file.append(matrix.data);
}

/// Whether a .npy file is written; rejects contradictory options.
bool wants_npy(const Settings& settings) {
  bool output = settings.given("output"), npy = settings.text("format") == "npy";
  if (npy && !output) throw Error(ErrorCode::kUsage, "--format npy requires --output FILE.npy");
  if (output && !npy && settings.origin("format") != Origin::kDefault)
    throw Error(ErrorCode::kUsage, "--output writes a .npy file; for --format " + settings.text("format") +
                                       " redirect standard output: > FILE");
  if (output && settings.flag("keep-fields"))
    throw Error(ErrorCode::kUsage, "--keep-fields and --output cannot be combined; give only one of them");
  return output;
}

int run(const Settings& settings) {
  bool npy = wants_npy(settings), json = npy || wants_json(settings);
  Model model = load_model(settings);
  const ModelInfo& info = model.info();
  EmbedOptions options;
  const std::string& pooling = settings.text("pooling");
  if (pooling == "auto" && !info.pooling_problem.empty())
    throw Error(ErrorCode::kModel, info.pooling_problem + "; or choose --pooling cls, mean, max or none");
  options.pooling = pooling_of(pooling == "auto" ? info.default_pooling : pooling);
  options.normalize = settings.given("normalize") ? settings.flag("normalize") : info.default_normalize;
  options.layers = settings.integers("layers");
  options.truncate = settings.flag("truncate");
  bool by_token = options.pooling == Pooling::kNone;

  std::unique_ptr<NpyWriter> file;
  int64_t columns = info.hidden_size * static_cast<int64_t>(options.layers.size());
  if (npy) file = std::make_unique<NpyWriter>(settings.path("output"), columns);
  StreamOptions stream;
  stream.batch_bytes = by_token ? 32 << 10 : 256 << 10;  // the JSON of one token takes about 10 kB
  stream.batch_rows = 4096;
  stream.silent = npy;
  stream.on_invalid_row = [&](const Row&) {  // so that row i of the file belongs to row i of the input
    if (file)
      file->append(std::vector<float>(static_cast<size_t>(columns), std::numeric_limits<float>::quiet_NaN()));
  };
  int code = run_stream(settings, stream, [&](std::span<const Row> rows, std::span<std::string> results) {
    std::vector<std::string> texts;
    for (const Row& row : rows) texts.push_back(row.text);
    std::vector<Matrix> matrices = embed(model, texts, options);
    if (file)
      append_all(*file, matrices);
    else
      parallel_for(static_cast<int64_t>(rows.size()), thread_count(settings), [&](int64_t i) {
        auto k = static_cast<size_t>(i);
        results[k] = json ? as_json(matrices[k], by_token) : as_text(matrices[k]);
      });
  });
  if (file) file->finish();
  return code;
}

}  // namespace

extern const Command embed_command;
const Command embed_command{
    .name = "embed",
    .arguments = "[TEXT...]",
    .summary = "compute embeddings of texts or their tokens",
    .description =
        "Prints one vector for each argument or each line of standard input; with --pooling none one for\n"
        "each token, special tokens included. In a .npy file the token rows of all texts are\n"
        "concatenated; a row skipped by --on-error skip is NaN.",
    .example = "roberta embed --model DIR --pooling mean --normalize --output vectors.npy < texts.txt",
    .groups = kGroups,
    .run = run,
};

}  // namespace roberta::cli
