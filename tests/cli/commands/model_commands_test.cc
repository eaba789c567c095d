// fill-mask, embed, score and info with a tiny model: output formats and errors.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/cli/commands/tiny_model.h"
#include "tests/cli/program.h"

namespace roberta::cli_test {
namespace {

using nlohmann::json;

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::vector<json> rows_of(const std::string& text) {
  std::vector<json> rows;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) rows.push_back(json::parse(line));
  return rows;
}

class ModelCommands : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    scratch_ = new Scratch;
    model_ = make_model(*scratch_);
  }
  static void TearDownTestSuite() { delete scratch_; }

  static Result on_model(const std::string& command, std::vector<std::string> words,
                         const std::string& input = "") {
    words.insert(words.begin(), {command, "--model", model_});
    return run(words, input);
  }
  static json answer(const std::string& command, std::vector<std::string> words) {
    words.insert(words.begin(), {"--format", "json"});
    Result result = on_model(command, words);
    EXPECT_EQ(result.code, 0) << result.err;
    return result.code == 0 ? json::parse(result.out) : json();
  }
  /// A copy of the model that a test may modify.
  static std::string copy(const Scratch& scratch) {
    std::filesystem::copy(model_, scratch.path("copy"));
    return scratch.path("copy");
  }

  static Scratch* scratch_;
  static std::string model_;
};
Scratch* ModelCommands::scratch_;
std::string ModelCommands::model_;

TEST_F(ModelCommands, FillMaskJsonMatchesPipeline) {
  json one = answer("fill-mask", {"--top-k", "3", "the <mask> sat"});
  ASSERT_EQ(one.size(), 3u);
  for (const json& fill : one) {
    EXPECT_EQ(fill.size(), 4u);
    EXPECT_TRUE(fill["score"].is_number_float());
    EXPECT_TRUE(fill["token"].is_number_integer());
    EXPECT_TRUE(fill["token_str"].is_string());
    EXPECT_TRUE(contains(fill["sequence"], "sat"));
  }
  EXPECT_GE(one[0]["score"], one[1]["score"]);
  json two = answer("fill-mask", {"the <mask> sat on the <mask>"});
  ASSERT_EQ(two.size(), 2u);
  EXPECT_EQ(two[0].size(), 5u);
  EXPECT_EQ(two[1][0].size(), 4u);
}

TEST_F(ModelCommands, FillMaskTargetsAndJoint) {
  json targets = answer("fill-mask", {"--targets", " cat, zebra", "the<mask> sat"});
  ASSERT_EQ(targets.size(), 2u);
  bool found_list = false;
  for (const json& fill : targets) found_list |= fill["token"].is_array() && fill["token"].size() > 1;
  EXPECT_TRUE(found_list) << targets;
  json joint = answer("fill-mask", {"--joint", "--top-k", "2", "the <mask> sat on the <mask>"});
  ASSERT_EQ(joint.size(), 2u);
  EXPECT_EQ(joint[0]["token"].size(), 2u);
  EXPECT_EQ(joint[0]["token_str"].size(), 2u);
  EXPECT_EQ(on_model("fill-mask", {"--joint", "--targets", "a", "<mask>"}).code, 2);
}

TEST_F(ModelCommands, FillMaskTextHasNoColorUnlessForced) {
  Result plain = on_model("fill-mask", {"the <mask> sat"});
  EXPECT_EQ(plain.code, 0);
  EXPECT_EQ(std::count(plain.out.begin(), plain.out.end(), '\n'), 7);
  EXPECT_TRUE(contains(plain.out, " %  "));
  EXPECT_FALSE(contains(plain.out, "\033"));
  EXPECT_TRUE(contains(on_model("fill-mask", {"--color", "always", "the <mask> sat"}).out, "\033["));
}

TEST_F(ModelCommands, FillMaskInvalidTexts) {
  Result none = on_model("fill-mask", {"no mask here"});
  EXPECT_EQ(none.code, 3);
  EXPECT_TRUE(contains(none.err, "argument 1: ")) << none.err;
  EXPECT_TRUE(contains(none.err, "mask")) << none.err;
  std::string long_text = "<mask>";
  for (int i = 0; i < 100; ++i) long_text += " cat";
  Result too_long = on_model("fill-mask", {}, "a <mask>\n" + long_text + "\n");
  EXPECT_EQ(too_long.code, 3);
  EXPECT_TRUE(contains(too_long.err, "line 2: ")) << too_long.err;
  Result skipped = on_model("fill-mask", {"--format", "json", "--on-error", "skip"},
                            "a <mask>\nnone\n" + long_text + "\n<mask> b\n");
  EXPECT_EQ(skipped.code, 3);
  std::vector<json> rows = rows_of(skipped.out);
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_TRUE(rows[0].is_array());
  EXPECT_EQ(rows[1]["line"], 2);
  EXPECT_EQ(rows[2]["line"], 3);
  EXPECT_TRUE(rows[3].is_array());
  json single = answer("fill-mask", {"<mask> b"});
  EXPECT_EQ(rows[3], single) << "a prediction depends only on its text";
}

TEST_F(ModelCommands, EmbedShapes) {
  json mean = answer("embed", {"the cat"});
  EXPECT_EQ(mean["embedding"].size(), 16u);
  json tokens = answer("embed", {"--pooling", "none", "the cat"});
  ASSERT_EQ(tokens["embedding"].size(), 4u);
  EXPECT_EQ(tokens["embedding"][0].size(), 16u);
  EXPECT_EQ(answer("embed", {"--pooling", "cls", "the cat"})["embedding"], tokens["embedding"][0]);
  EXPECT_EQ(on_model("embed", {"--layers", "4294967295", "the cat"}).code, 2);
  EXPECT_EQ(answer("embed", {"--layers", "-1,-2", "the cat"})["embedding"].size(), 32u);
  double sum = 0;
  json unit = answer("embed", {"--normalize", "the cat"});
  for (double x : unit["embedding"]) sum += x * x;
  EXPECT_NEAR(sum, 1, 1e-5);
}

TEST_F(ModelCommands, EmbedNpy) {
  Scratch scratch;
  std::string file = scratch.path("v.npy");
  Result result = on_model("embed", {"--output", file, "--on-error", "skip"}, "the cat\nb\xff\na dog\n");
  EXPECT_EQ(result.code, 3);
  EXPECT_EQ(result.out, "");
  std::string bytes = read_file(file);
  ASSERT_EQ(bytes.size(), 128u + 3 * 16 * 4);
  EXPECT_TRUE(contains(bytes, "'shape': (3, 16)"));
  std::vector<float> values(48);
  std::memcpy(values.data(), bytes.data() + 128, 192);
  EXPECT_TRUE(std::isnan(values[16]));
  json cat = answer("embed", {"the cat"})["embedding"];
  for (size_t i = 0; i < 16; ++i) EXPECT_EQ(values[i], cat[i].get<float>());
  EXPECT_EQ(on_model("embed", {"--format", "npy", "x"}).code, 2);
  EXPECT_EQ(on_model("embed", {"--format", "json", "--output", file, "x"}).code, 2);
  EXPECT_EQ(on_model("embed", {"--output", "/nowhere/v.npy", "x"}).code, 6);
  std::string bad = scratch.path("bad.npy");
  EXPECT_EQ(on_model("embed", {"--output", bad}, "b\xff\n").code, 3);
  EXPECT_EQ(shell("ls -A " + scratch.path("")).out, "v.npy\n") << "no partial files";
}

TEST_F(ModelCommands, EmbedTruncatesOnRequest) {
  std::string long_text;
  for (int i = 0; i < 100; ++i) long_text += "cat ";
  EXPECT_EQ(on_model("embed", {long_text}).code, 3);
  EXPECT_EQ(on_model("embed", {"--truncate", long_text}).code, 0);
}

TEST_F(ModelCommands, Score) {
  json score = answer("score", {"the cat"});
  ASSERT_EQ(score["tokens"].size(), 2u);
  double sum = 0;
  for (const json& token : score["tokens"]) sum += token["log_prob"].get<double>();
  EXPECT_NEAR(sum, score["log_prob"], 1e-4);
  EXPECT_NEAR(std::exp(-sum / 2), score["perplexity"], 1e-2);
  EXPECT_EQ(score["tokens"][1]["offset"].size(), 2u);
  EXPECT_EQ(answer("score", {"--total-only", "the cat"})["token_count"], 2);
  EXPECT_TRUE(contains(on_model("score", {"the cat"}).out, "the cat\n"));
  EXPECT_TRUE(answer("score", {""})["perplexity"].is_null());
}

TEST_F(ModelCommands, PrecisionAndDevice) {
  json exact = answer("embed", {"the cat"})["embedding"];
  json rough = answer("embed", {"--dtype", "bf16", "the cat"})["embedding"];
  EXPECT_NEAR(exact[0], rough[0], 0.1);
  EXPECT_NEAR(exact[0], answer("embed", {"--device", "ref", "the cat"})["embedding"][0], 1e-4);
  EXPECT_EQ(answer("embed", {"--threads", "1", "the cat"})["embedding"], exact);
  EXPECT_EQ(on_model("embed", {"--device", "gpu", "x"}).code, 2);
}

TEST_F(ModelCommands, Info) {
  Result text = run({"info", model_});
  EXPECT_EQ(text.code, 0) << text.err;
  EXPECT_TRUE(contains(text.out, "RobertaForMaskedLM"));
  EXPECT_TRUE(json::parse(run({"info", model_, "--format", "json"}).out).is_object());
  Result file = run({"info", model_ + "/model.safetensors"});
  EXPECT_EQ(file.code, 0);
  EXPECT_TRUE(contains(file.out, "roberta.embeddings.word_embeddings.weight"));
  EXPECT_EQ(run({"info", "/nowhere"}).code, 4);
  EXPECT_EQ(run({"info"}).code, 2);
}

TEST_F(ModelCommands, DamagedDirectories) {
  struct Damage {
    std::string command, message;
  };
  for (const Damage& damage :
       {Damage{"rm -r copy", "copy"}, Damage{"rm copy/config.json", "config.json"},
        Damage{"echo '{\"model_type\": ' > copy/config.json", "config.json"},
        Damage{"echo '[]' > copy/config.json", "config.json"},
        Damage{"sed -i 's/\"roberta\"/\"xlm-roberta\"/' copy/config.json", "xlm-roberta"},
        Damage{"truncate -s -100 copy/model.safetensors", "model.safetensors"},
        Damage{"truncate -s 4 copy/model.safetensors", "model.safetensors"},
        Damage{"head -c 1000 /dev/urandom > copy/model.safetensors", "model.safetensors"},
        Damage{"rm copy/model.safetensors", "safetensors"},
        Damage{"mv copy/model.safetensors copy/pytorch_model.bin", "pytorch_model.bin"},
        Damage{"echo '{}' > copy/tokenizer.json", "tokenizer.json"},
        Damage{"rm copy/tokenizer.json copy/vocab.json", "tokenizer"}}) {
    Scratch scratch;
    copy(scratch);
    shell("cd " + scratch.path("") + " && " + damage.command);
    Result result = run({"fill-mask", "-m", scratch.path("copy"), "a <mask>"});
    EXPECT_EQ(result.code, 4) << damage.command << ": " << result.err;
    EXPECT_EQ(result.out, "") << damage.command;
    EXPECT_TRUE(contains(result.err, damage.message)) << damage.command << ": " << result.err;
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  }
}

TEST(Init, CreatesUsableModel) {
  Scratch scratch;
  std::string tokenizer = make_tokenizer(scratch), model = scratch.path("model");
  std::vector<std::string> words{
      "init", "--tokenizer", tokenizer, "--hidden-size", "64", "--num-hidden-layers", "2", "--output", model};
  Result made = run(words);
  ASSERT_EQ(made.code, 0) << made.err;
  EXPECT_EQ(run({"fill-mask", "-m", model, "the <mask> sat"}).code, 0);
  json config = json::parse(read_file(model + "/config.json"));
  EXPECT_EQ(config["num_attention_heads"], 1);
  EXPECT_EQ(config["intermediate_size"], 256);
  Result again = run(words);
  EXPECT_EQ(again.code, 2) << "an existing model is not overwritten";
  EXPECT_EQ(run({"init", "--output", scratch.path("other")}).code, 2);
  EXPECT_EQ(
      run({"init", "--output", scratch.path("other"), "--vocab-size", "10", "--layer-norm-eps", "tiny"}).code,
      2);
  EXPECT_FALSE(std::filesystem::exists(scratch.path("other")));
}

TEST(Init, LimitsMatchConfigJson) {
  Scratch scratch;
  struct Limit {
    std::string option, value;
  };
  for (const Limit& limit :
       {Limit{"--hidden-size", "65537"}, Limit{"--num-hidden-layers", "1025"},
        Limit{"--vocab-size", "10000001"}, Limit{"--intermediate-size", "1048577"},
        Limit{"--max-position-embeddings", "1048577"}, Limit{"--type-vocab-size", "1025"},
        Limit{"--initializer-range", "-1"}, Limit{"--initializer-range", "1e4"},
        Limit{"--layer-norm-eps", "0"}, Limit{"--num-attention-heads", "65537"}}) {
    std::vector<std::string> words{"init", "--output", scratch.path("m"), limit.option, limit.value};
    if (limit.option != "--vocab-size") words.insert(words.end(), {"--vocab-size", "10"});
    Result result = run(words);
    EXPECT_EQ(result.code, 2) << result.err;
    // The program checks ranges of integers, the library those of other numbers.
    std::string field = limit.option.substr(2);
    std::replace(field.begin(), field.end(), '-', '_');
    EXPECT_TRUE(contains(result.err, limit.option + ": '" + limit.value) ||
                contains(result.err, field + " is "))
        << result.err;
  }
  EXPECT_EQ(run({"init", "--output", scratch.path("m"), "--vocab-size", "1"}).code, 2);
  EXPECT_EQ(shell("ls -A " + scratch.path("")).out, "");
}

TEST(Init, HeadsDivideTheWidth) {
  for (auto [width, heads] : {std::pair{"200", 2}, {"67", 1}, {"20", 1}, {"320", 5}}) {
    Scratch scratch;
    Result made = run({"init", "--output", scratch.path("m"), "--vocab-size", "10", "--hidden-size", width,
                       "--num-hidden-layers", "1"});
    ASSERT_EQ(made.code, 0) << made.err;
    EXPECT_EQ(json::parse(read_file(scratch.path("m/config.json")))["num_attention_heads"], heads) << width;
  }
}

TEST(Init, SignalLeavesNothingBehind) {
  Scratch scratch;
  Process process({"init", "-q", "--output", scratch.path("m"), "--vocab-size", "200000", "--threads", "1"});
  ASSERT_TRUE(wait_for([&] { return !shell("ls -A " + scratch.path("")).out.empty(); }));
  process.signal(SIGTERM);
  EXPECT_EQ(process.wait(), 143);
  EXPECT_EQ(shell("ls -A " + scratch.path("")).out, "");
}

TEST_F(ModelCommands, NaNIsExit7InEveryFormat) {
  Scratch scratch;
  std::string model = copy(scratch), weights = read_file(model + "/model.safetensors");
  weights.replace(weights.size() - 3000, 3000, 3000, '\xff');
  scratch.file("copy/model.safetensors", weights);
  for (const char* command : {"fill-mask", "score", "embed"})
    for (const char* format : {"json", "text"}) {
      Result result = run({command, "-m", model, "--format", format, "a <mask>"});
      EXPECT_EQ(result.code, 7) << command << " " << format << ": " << result.out << result.err;
      EXPECT_TRUE(contains(result.err, "NaN")) << result.err;
    }
  Result named = run({"embed", "-m", model}, "a\nb\n");
  EXPECT_EQ(named.code, 7);
  EXPECT_TRUE(contains(named.err, "line 1: ")) << named.err;
  Result skipped = run({"embed", "-m", model, "--on-error", "skip"}, "a\nb\n");
  EXPECT_EQ(skipped.code, 3);
  EXPECT_EQ(rows_of(skipped.out).size(), 2u);
  std::string file = scratch.path("v.npy");
  EXPECT_EQ(run({"embed", "-m", model, "--output", file, "a"}).code, 7);
  EXPECT_FALSE(std::filesystem::exists(file));
}

}  // namespace
}  // namespace roberta::cli_test
