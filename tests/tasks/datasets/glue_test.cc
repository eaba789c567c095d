#include "tasks/datasets/glue.h"

#include <gtest/gtest.h>

#include "tests/expect_error.h"
#include "tests/temp_directory.h"

namespace roberta {
namespace {

using Names = std::vector<std::string>;

TEST(Glue, TableOfTasks) {
  Names names;
  for (const GlueTask& task : glue_tasks()) {
    names.push_back(task.name);
    EXPECT_EQ(task.regression, task.labels.empty()) << task.name;
    EXPECT_FALSE(task.metrics.empty()) << task.name;
    EXPECT_GT(task.updates, 10 * task.warmup / 4) << task.name;
    EXPECT_TRUE(task.batch == 16 || task.batch == 32) << task.name;
    EXPECT_EQ(&glue_task(task.title), &task);
  }
  EXPECT_EQ(names, (Names{"cola", "mnli", "mrpc", "qnli", "qqp", "rte", "sst2", "stsb", "wnli"}));
  EXPECT_EQ(glue_task("SST-2").name, "sst2");
  EXPECT_EQ(glue_task("sts_b").name, "stsb");
  EXPECT_EQ(glue_task("mnli").labels, (Names{"entailment", "neutral", "contradiction"}));
  EXPECT_EQ(glue_task("rte").labels, (Names{"entailment", "not_entailment"}));
  EXPECT_EQ(glue_task("qqp").warmup, 28318);
  EXPECT_EQ(find_glue_task("text-classification"), nullptr);
  EXPECT_ERROR(ErrorCode::kUsage, glue_task("snli"), "task 'snli' not found", "'mnli'");
}

/// One file of a task, written and read.
class GlueFile : public testing::Test {
 protected:
  TextData read(const char* task, const char* text, const char* name = "train.tsv") {
    return read_glue(glue_task(task), folder_.write(name, text));
  }
  TempDirectory folder_;
};

TEST_F(GlueFile, ColaByPositionAndByHeader) {
  const TextData official = read("cola", "gj04\t1\t\tOur friends.\ngj04\t0\t*\tThey \"drank the pub.\n");
  ASSERT_EQ(official.examples.size(), 2u);
  EXPECT_EQ(official.examples[1].first, "They \"drank the pub.");
  EXPECT_EQ(official.examples[1].label, 0);
  EXPECT_EQ(official.examples[1].line, 2);
  const TextData named = read("cola", "sentence,label\n\"a, b\",1\n", "train.csv");
  EXPECT_EQ(named.examples[0].first, "a, b");
  EXPECT_EQ(named.examples[0].label, 1);
}

TEST_F(GlueFile, MnliOfficialAndShort) {
  const TextData official =
      read("mnli",
           "index\tpromptID\tpairID\tgenre\tsentence1_binary_parse\tsentence2_binary_parse\t"
           "sentence1_parse\tsentence2_parse\tsentence1\tsentence2\tlabel1\tgold_label\n"
           "0\t1\t1n\tg\t( a )\t( b )\t(R a)\t(R b)\tone\ttwo\tneutral\tcontradiction\n");
  ASSERT_EQ(official.examples.size(), 1u);
  EXPECT_EQ(official.examples[0].first, "one");
  EXPECT_EQ(official.examples[0].second, "two");
  EXPECT_EQ(official.examples[0].label, 2);
  EXPECT_EQ(read("mnli", "index\tsentence1\tsentence2\tgold_label\n0\ta\tb\tentailment\n").examples[0].label,
            0);
  const TextData hub =
      read("mnli", "{\"premise\": \"a\", \"hypothesis\": \"b\", \"label\": 1}\n", "train.jsonl");
  EXPECT_EQ(hub.labels[static_cast<size_t>(hub.examples[0].label)], "neutral");
  EXPECT_ERROR(ErrorCode::kInput, read("mnli", "index\tsentence1\tsentence2\tgold_label\n0\ta\tb\t-\n"),
               "train.tsv:2", "unknown label '-'", "'entailment', 'neutral', 'contradiction'");
}

TEST_F(GlueFile, MrpcWithByteOrderMark) {
  const TextData data =
      read("mrpc", "\xEF\xBB\xBFQuality\t#1 ID\t#2 ID\t#1 String\t#2 String\n1\t7\t8\t\"A\" b\tc\n");
  EXPECT_EQ(data.examples[0].first, "\"A\" b");
  EXPECT_EQ(data.examples[0].second, "c");
  EXPECT_EQ(data.examples[0].label, 1);
}

TEST_F(GlueFile, QqpDropsBrokenRows) {
  const TextData data =
      read("qqp",
           "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n1\t2\t3\ta\tb\t1\n4\t5\t6\tbroken\n"
           "7\t8\t9\tc\td\t0\n");
  EXPECT_EQ(data.examples.size(), 2u);
  EXPECT_EQ(data.skipped, 1);
  EXPECT_EQ(data.examples[1].line, 4);
}

TEST_F(GlueFile, StsbIsScaled) {
  const TextData data =
      read("stsb",
           "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore\n"
           "0\tm\tf\t2012\t1\tn\tn\tone\ttwo\t3.800\n");
  EXPECT_EQ(data.kind, LabelKind::kValue);
  EXPECT_EQ(data.examples[0].second, "two");
  EXPECT_FLOAT_EQ(data.examples[0].value, 0.76F);
}

TEST(Glue, FilesOfATask) {
  const TempDirectory folder;
  std::filesystem::create_directories(folder / "MNLI");
  std::filesystem::create_directories(folder / "rte");
  folder.write("MNLI/train.tsv.gz", "");
  folder.write("MNLI/dev_mismatched.tsv", "");
  folder.write("MNLI/dev_matched.tsv", "");
  folder.write("rte/dev.tsv", "");
  const GlueTask& mnli = glue_task("mnli");
  EXPECT_EQ(glue_train_file(mnli, folder.path()), folder / "MNLI/train.tsv.gz");
  EXPECT_EQ(glue_train_file(mnli, folder / "MNLI"), folder / "MNLI/train.tsv.gz");
  EXPECT_EQ(glue_dev_files(mnli, folder.path()),
            (std::vector<std::filesystem::path>{folder / "MNLI/dev_matched.tsv",
                                                folder / "MNLI/dev_mismatched.tsv"}));
  EXPECT_EQ(glue_dev_files(glue_task("rte"), folder.path()),
            (std::vector<std::filesystem::path>{folder / "rte/dev.tsv"}));
  EXPECT_ERROR(ErrorCode::kInput, glue_train_file(glue_task("rte"), folder.path()), "no file for RTE",
               "'train.tsv'");
}

}  // namespace
}  // namespace roberta
