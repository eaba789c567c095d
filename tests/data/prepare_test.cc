// From files to shards: what is read, what is left out, and that interruptions and threads leave no trace.
#include "roberta/prepare.h"

#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <map>

#include "data/corpus.h"
#include "tests/data/small_tokenizer.h"
#include "tests/expect_error.h"

namespace roberta {
namespace {

namespace fs = std::filesystem;

std::string gzipped(const std::string& text) {
  std::string out(compressBound(text.size()) + 100, '\0');
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string zstd(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

/// Numbered documents of a few lines.
std::string documents(int count, int first = 0) {
  std::string text;
  for (int i = first; i < first + count; ++i) {
    text.append("the cat ").append(std::to_string(i)).append(" sat\n");
    for (int line = 0; line < i % 5; ++line)
      text.append("and the dog ").append(std::to_string(i * line)).append(" on the log, together\n");
    text.append("\n");
  }
  return text;
}

class PrepareTest : public ::testing::Test {
 protected:
  PrepareTest() {
    options_.tokenizer = save_tokenizer(directory_);
    options_.held_out = 0;
    options_.threads = 2;
  }
  PrepareOptions with(std::vector<std::string> paths, const std::string& name = "a") {
    PrepareOptions options = options_;
    options.sets = {{name, std::move(paths), 1, TextFormat::kAuto, "text"}};
    return options;
  }
  std::string write(const std::string& name, const std::string& content) {
    return directory_.write(name, content).string();
  }
  PrepareCounts counts(const PrepareOptions& options, const std::string& output = "out") {
    fs::remove_all(directory_ / output);
    return prepare_corpus(directory_ / output, options).sets[0].counts;
  }
  std::string decoded(const std::string& output = "out", Split split = Split::kTrain) {
    const auto corpus = Corpus::open(directory_ / output);
    std::string all;
    for (size_t set = 0; set < corpus->manifest().sets.size(); ++set) {
      const TokenStream& stream = corpus->stream(set, split);
      std::vector<int32_t> ids(static_cast<size_t>(stream.tokens()));
      stream.read(0, ids, corpus->manifest().vocab_size);
      all += corpus->tokenizer().decode(ids);
    }
    return all;
  }
  /// Every file of a directory with its content.
  static std::map<std::string, std::string> content(const fs::path& directory) {
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(directory))
      if (entry.is_regular_file())
        files[fs::relative(entry.path(), directory).string()] = read_all(entry.path());
    return files;
  }

  TempDirectory directory_;
  PrepareOptions options_;
};

TEST_F(PrepareTest, ReadsEveryKindOfFile) {
  fs::create_directories(directory_ / "folder/inner");
  write("folder/b.txt", "from b\n");
  write("folder/inner/c.jsonl", "{\"text\": \"from c\\r\\n\\nwith lines \\n\"}\n\n{\"text\": \"  \"}\n");
  write("folder/.hidden", "never read");
  const std::vector<std::string> paths = {write("plain",
                                                "\xEF\xBB\xBF"
                                                "from plain\r\nsecond line\r\n\r\nother"),
                                          write("x.txt.gz", gzipped("from gz\n")),
                                          write("y.txt.zst", zstd("from zst\n")),
                                          (directory_ / "folder").string(),
                                          (directory_ / "glo[ab].j*").string(),
                                          write("empty.txt", "")};
  write("glob.jsonl", "{\"id\": 1, \"text\": \"from glob\"}");
  const PrepareCounts counted = counts(with(paths));
  EXPECT_EQ(counted.files, 7);
  EXPECT_EQ(counted.documents, 8);
  EXPECT_EQ(counted.empty, 1);
  EXPECT_EQ(counted.train.documents, 7);
  EXPECT_EQ(decoded(),
            "<s>from plain\nsecond line</s><s>other</s><s>from gz</s><s>from zst</s><s>from b</s>"
            "<s>from c\n\nwith lines</s><s>from glob</s>");
  EXPECT_EQ(counted.train.bytes, 10 + 1 + 11 + 5 + 7 + 8 + 6 + 18 + 9);
}

TEST_F(PrepareTest, SpecialStringsAreOrdinaryText) {
  counts(with({write("a.txt", "a <mask> and </s><s>\n")}));
  const auto corpus = Corpus::open(directory_ / "out");
  std::vector<int32_t> ids(static_cast<size_t>(corpus->tokens(Split::kTrain)));
  corpus->stream(0, Split::kTrain).read(0, ids, corpus->manifest().vocab_size);
  EXPECT_EQ(std::count_if(ids.begin(), ids.end(), [](int32_t id) { return id < 5; }), 2);
}

TEST_F(PrepareTest, TokenizerIsKnownHoweverItIsStored) {
  counts(with({write("a.txt", "a cat\n")}));
  const auto corpus = Corpus::open(directory_ / "out");
  const Tokenizer tokenizer = Tokenizer::from_directory(options_.tokenizer);
  corpus->require_tokenizer(tokenizer, "it");
  fs::remove(options_.tokenizer / "tokenizer.json");  // vocab.json and merges.txt are left
  corpus->require_tokenizer(Tokenizer::from_directory(options_.tokenizer), "it");
  EXPECT_ERROR(ErrorCode::kModel, corpus->require_tokenizer(small_tokenizer(directory_, 270), "another"),
               "another has");
  small_tokenizer(directory_, 270).save(directory_ / "out" / "tokenizer");
  EXPECT_ERROR(ErrorCode::kModel, corpus->tokenizer(), "out/tokenizer has");
}

TEST_F(PrepareTest, ThreadsAndShardsChangeNothing) {
  std::string text;
  for (int i = 0; i < 30; ++i) text += documents(4000, i * 4000);
  ASSERT_GT(text.size(), 5u << 20) << "several batches";
  PrepareOptions options = with({write("a.txt", text), write("b.jsonl", "{\"text\": \"the end\"}\n")});
  options.held_out = 0.1;
  options.shard_bytes = 2000000;
  options.threads = 1;
  counts(options, "one");
  options.threads = 4;
  counts(options, "four");
  EXPECT_EQ(content(directory_ / "one"), content(directory_ / "four"));
  options.shard_bytes = 1 << 30;
  counts(options, "whole");
  EXPECT_EQ(decoded("one"), decoded("whole"));
  EXPECT_EQ(read_manifest(directory_ / "one").sets[0].hash, read_manifest(directory_ / "whole").sets[0].hash);
}

TEST_F(PrepareTest, DuplicatesAreLeftOutOverAllSets) {
  PrepareOptions options = with({write("a.txt", "the cat\nand so on\n\nthe dog\n\nthe cat \r\nand so on")});
  options.sets.push_back({"b",
                          {write("b.jsonl", "{\"text\": \"the dog\"}\n{\"text\": \"new\"}")},
                          1,
                          TextFormat::kAuto,
                          "text"});
  fs::remove_all(directory_ / "out");
  PrepareReport report = prepare_corpus(directory_ / "out", options);
  EXPECT_EQ(report.sets[0].counts.duplicates, 1);
  EXPECT_EQ(report.sets[1].counts.duplicates, 1);
  EXPECT_EQ(decoded(), "<s>the cat\nand so on</s><s>the dog</s><s>new</s>");
  options.remove_duplicates = false;
  options.overwrite = true;
  report = prepare_corpus(directory_ / "out", options);
  EXPECT_EQ(report.sets[0].counts.train.documents + report.sets[1].counts.train.documents, 5);
}

TEST_F(PrepareTest, HeldOutDocumentsDependOnThemselvesAlone) {
  PrepareOptions options = with({write("a.txt", documents(2000))});
  options.held_out = 0.2;
  const PrepareCounts counted = counts(options, "first");
  EXPECT_NEAR(static_cast<double>(counted.held_out.documents), 400, 90);
  EXPECT_EQ(counted.held_out.documents + counted.train.documents, 2000);
  const std::string held_out = decoded("first", Split::kHeldOut);
  options.sets[0].paths = {write("b.txt", documents(700, 5000) + documents(2000))};
  counts(options, "second");
  const std::string more = decoded("second", Split::kHeldOut);
  EXPECT_TRUE(more.ends_with(held_out)) << "the same documents after new ones";
}

TEST_F(PrepareTest, TextThatIsNone) {
  const std::string path = write("a.txt", std::string("good\n\nbad \xff\xfe line\n\nnul ") + '\0' + "here\n");
  PrepareOptions options = with({path});
  EXPECT_EQ(counts(options).bad_text, 2);
  EXPECT_EQ(decoded(), "<s>good</s><s>bad \xEF\xBF\xBD\xEF\xBF\xBD line</s><s>nul \xEF\xBF\xBDhere</s>");
  options.bad_text = BadText::kSkip;
  EXPECT_EQ(counts(options).bad_text, 2);
  EXPECT_EQ(decoded(), "<s>good</s>");
  options.bad_text = BadText::kError;
  EXPECT_ERROR(ErrorCode::kInput, counts(options), "a.txt:3", "invalid UTF-8");
  options.sets[0].paths = {write("wide.txt",
                                 "\xff\xfe"
                                 "a")};
  EXPECT_ERROR(ErrorCode::kInput, counts(options), "wide.txt", "UTF-16");
  options.bad_text = BadText::kReplace;
  options.sets[0].paths = {write("b.jsonl", "{\"text\": \"x\xff\"}\n{\"text\": \"a\\u0000b\"}\n")};
  EXPECT_EQ(counts(options).bad_text, 2);
  EXPECT_EQ(decoded(),
            "<s>x\xEF\xBF\xBD</s><s>a\xEF\xBF\xBD"
            "b</s>");
}

TEST_F(PrepareTest, BrokenLinesOfJson) {
  const std::string path = write(
      "a.jsonl", "{\"text\": \"one\"}\n{\"text\": 1}\n{\"text\n[1]\n{\"other\": \"x\"}\n{\"text\": \"two\"}");
  PrepareOptions options = with({path});
  EXPECT_ERROR(ErrorCode::kInput, counts(options), "a.jsonl:2", "field 'text'");
  options.skip_errors = true;
  std::vector<std::string> warnings;
  options.warn = [&](const std::string& message) { warnings.push_back(message); };
  EXPECT_EQ(counts(options).skipped_lines, 4);
  EXPECT_EQ(decoded(), "<s>one</s><s>two</s>");
  ASSERT_EQ(warnings.size(), 4u);
  EXPECT_NE(warnings[1].find("a.jsonl:3"), std::string::npos) << warnings[1];
  options.sets[0].field = "other";
  EXPECT_EQ(counts(options).train.documents, 1);
}

TEST_F(PrepareTest, DamagedFileInTheMiddle) {
  const std::string whole = zstd(documents(30000, 100000));
  PrepareOptions options =
      with({write("a.txt", documents(100)), write("b.txt.zst", whole.substr(0, whole.size() / 2)),
            write("c.txt", documents(100, 1000))});
  options.shard_bytes = 500000;
  EXPECT_ERROR(ErrorCode::kInput, counts(options), "b.txt.zst", "truncated");
  EXPECT_ERROR(ErrorCode::kInput, Corpus::open(directory_ / "out"), "interrupted");
  // Repaired: resumes, and makes what an uninterrupted run makes.
  write("b.txt.zst", whole);
  EXPECT_TRUE(prepare_corpus(directory_ / "out", options).resumed);
  counts(options, "unbroken");
  EXPECT_EQ(content(directory_ / "out"), content(directory_ / "unbroken"));
  // Skipped: the others are in the corpus.
  write("b.txt.zst", whole.substr(0, whole.size() / 2));
  options.skip_errors = true;
  const PrepareCounts counted = counts(options, "skipped");
  EXPECT_EQ(counted.skipped_files, 1);
  EXPECT_GT(counted.train.documents, 200);
  options.sets[0].paths[1] = (directory_ / "nowhere.txt").string();
  EXPECT_ERROR(ErrorCode::kInput, counts(options), "nowhere.txt");
}

TEST_F(PrepareTest, InterruptedRunsLeaveTheSameBytes) {
  PrepareOptions options =
      with({write("a.txt", documents(60000)), write("b.txt.gz", gzipped(documents(40000, 50000)))});
  options.sets.push_back({"more", {write("c.txt", documents(40000, 200000))}, 2, TextFormat::kAuto, "text"});
  options.held_out = 0.05;
  options.shard_bytes = 1500000;
  options.threads = 1;
  const PrepareReport unbroken = prepare_corpus(directory_ / "unbroken", options);
  EXPECT_FALSE(unbroken.resumed);
  EXPECT_EQ(unbroken.sets[0].counts.duplicates, 10000);
  int interruptions = 0;
  for (int patience = 2;; patience += 2) {
    int calls = 0;
    options.progress = [&](int64_t, int64_t) {
      if (++calls > patience) throw std::runtime_error("interrupted");
    };
    try {
      prepare_corpus(directory_ / "broken", options);
      break;
    } catch (const std::runtime_error&) {
      ++interruptions;
    }
    write("broken/.a-00000.train.shard.tmp-1-1", "half");  // as a killed process leaves it
  }
  EXPECT_GE(interruptions, 2);
  EXPECT_EQ(content(directory_ / "broken"), content(directory_ / "unbroken"));
}

TEST_F(PrepareTest, GoesOnOnlyAsItWasBegun) {
  const std::string a = write("a.txt", documents(50000)), b = write("b.txt", documents(50000, 90000));
  PrepareOptions options = with({a, b});
  options.shard_bytes = 500000;
  int calls = 0;
  options.progress = [&](int64_t, int64_t) {
    if (++calls > 3) throw std::runtime_error("interrupted");
  };
  options.threads = 1;
  EXPECT_THROW(prepare_corpus(directory_ / "out", options), std::runtime_error);
  options.progress = nullptr;
  PrepareOptions other = options;
  other.boundary = Boundary::kFairseq;
  EXPECT_ERROR(ErrorCode::kUsage, prepare_corpus(directory_ / "out", other), "another boundary",
               "--overwrite");
  std::string changed = documents(50000);
  changed[3] = 'x';
  write("a.txt", changed);
  EXPECT_ERROR(ErrorCode::kUsage, prepare_corpus(directory_ / "out", options), "a.txt", "changed");
  write("a.txt", "short");
  EXPECT_ERROR(ErrorCode::kUsage, prepare_corpus(directory_ / "out", options), "a.txt", "ends at byte");
  options.overwrite = true;
  EXPECT_FALSE(prepare_corpus(directory_ / "out", options).resumed);
  options.overwrite = false;
  EXPECT_ERROR(ErrorCode::kUsage, prepare_corpus(directory_ / "out", options), "--overwrite");
  EXPECT_ERROR(ErrorCode::kUsage, prepare_corpus(directory_.path(), options), "not empty",
               "not hold a corpus");
}

TEST_F(PrepareTest, OtherFilesAreNeitherRemovedNorMixedIn) {
  PrepareOptions options = with({write("a.txt", documents(100))});
  // A model whose folder happens to have the name that a corpus gives its tokenizer's.
  fs::create_directories(directory_ / "work" / "tokenizer");
  fs::create_directories(directory_ / "checkpoint");
  write("work/tokenizer/model.safetensors", "weights");
  write("checkpoint/manifest.json", "{\"format\": \"roberta-checkpoint\"}");
  for (const bool overwrite : {false, true}) {
    options.overwrite = overwrite;
    EXPECT_ERROR(ErrorCode::kUsage, prepare_corpus(directory_ / "work", options), "tokenizer",
                 "not hold a corpus");
    EXPECT_ERROR(ErrorCode::kUsage, prepare_corpus(directory_ / "checkpoint", options), "not hold a corpus");
  }
  EXPECT_TRUE(fs::exists(directory_ / "work" / "tokenizer" / "model.safetensors"));
  EXPECT_TRUE(fs::exists(directory_ / "checkpoint" / "manifest.json"));
}

TEST_F(PrepareTest, ARunThatCompletedNothingIsBegunAnew) {
  PrepareOptions options = with({write("a.jsonl", "{\"body\": \"some text\"}\n")});
  EXPECT_ERROR(ErrorCode::kInput, prepare_corpus(directory_ / "out", options), "field 'text'");
  options.sets[0].field = "body";
  EXPECT_FALSE(prepare_corpus(directory_ / "out", options).resumed);
  options.overwrite = true;
  EXPECT_FALSE(prepare_corpus(directory_ / "out", options).resumed);
  EXPECT_FALSE(fs::exists(directory_ / "out" / "progress.json"));
}

TEST_F(PrepareTest, LongDocumentsAreCut) {
  constexpr int64_t kLine = 17 << 20;  // without a space
  std::string text(kLine, 'x');
  text += "\n\n";
  int64_t lines = 0;
  for (; lines < 1 << 18; ++lines) text += "a line of a long document, 40 bytes long";
  for (size_t at = kLine + 41; at < text.size(); at += 40) text[at] = '\n';
  PrepareOptions options = with({write("a.txt", text)});
  options.remove_duplicates = false;
  const PrepareCounts counted = counts(options);
  EXPECT_EQ(counted.cut, 3);
  EXPECT_EQ(counted.documents, 5);
  // Nothing is lost but the line ends at the cut and at the end.
  EXPECT_EQ(counted.train.bytes, kLine + 40 * lines - 2);
  options.sets[0].paths = {write("b.jsonl", "{\"text\": \"" + std::string(17 << 20, 'x') + "\"}\n")};
  EXPECT_ERROR(ErrorCode::kInput, counts(options), "b.jsonl", "line 1", "longer than");
}

TEST_F(PrepareTest, RejectsWhatCannotWork) {
  PrepareOptions options = with({write("a.txt", "a\n")});
  options.sets[0].name = "../x";
  EXPECT_ERROR(ErrorCode::kUsage, counts(options), "'../x'");
  options.sets[0].name = "a";
  options.sets.push_back(options.sets[0]);
  EXPECT_ERROR(ErrorCode::kUsage, counts(options), "given twice");
  options.sets.pop_back();
  options.held_out = 1;
  EXPECT_ERROR(ErrorCode::kUsage, counts(options), "held_out");
  options.held_out = 0;
  const std::string huge = write("huge.txt", "");
  fs::resize_file(huge, uintmax_t{1} << 43);  // no blocks, but larger than any disk here
  options.sets[0].paths = {huge};
  EXPECT_ERROR(ErrorCode::kResource, counts(options), "are free");
  EXPECT_GT(plan_corpus(directory_ / "out", options).estimated_bytes, int64_t{1} << 40);
}

}  // namespace
}  // namespace roberta
