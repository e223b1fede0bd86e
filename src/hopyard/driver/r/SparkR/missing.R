# What SparkR has and this package has not: each says so, and what to install.

MISSING <- c(
  "dapply", "dapplyCollect", "gapply", "gapplyCollect", "spark.lapply", "includePackage",
  "read.stream", "write.stream", "awaitTermination", "stopQuery", "lastProgress", "status",
  "queryName", "withWatermark", "histogram", "install.spark", "read.ml", "write.ml",
  "spark.als", "spark.bisectingKmeans", "spark.decisionTree", "spark.fmClassifier",
  "spark.fmRegressor", "spark.fpGrowth", "spark.freqItemsets", "spark.associationRules",
  "spark.findFrequentSequentialPatterns", "spark.gaussianMixture", "spark.gbt", "spark.glm",
  "spark.isoreg", "spark.kmeans", "spark.kstest", "spark.lda", "spark.lm", "spark.logit",
  "spark.mlp", "spark.naiveBayes", "spark.perplexity", "spark.posterior", "spark.assignClusters",
  "spark.randomForest", "spark.survreg", "spark.svmLinear"
)

define_missing <- function(names, where) {
  for (name in names) {
    local({
      mine <- name
      assign(mine, function(...) {
        stop(mine, " is not in Hopyard's own SparkR package. It is there when the session runs on a ",
          "Spark distribution that has SparkR (a folder R/lib): install one and set SPARK_HOME.",
          call. = FALSE)
      }, envir = where)
    })
  }
}
