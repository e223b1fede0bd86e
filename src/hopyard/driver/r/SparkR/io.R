# Reading and writing.

reader <- function(source, schema, options) {
  made <- callJMethod(callJMethod(getSparkSession(), "read"), "options", option_map(options))
  if (!is.null(source)) made <- callJMethod(made, "format", source)
  if (is.null(schema)) made else callJMethod(made, "schema", java_schema(schema))
}

load_paths <- function(reader, path) {
  if (is.null(path)) return(frame(callJMethod(reader, "load")))
  if (length(path) == 1) return(frame(callJMethod(reader, "load", path)))
  frame(callJMethod(reader, "load", as.list(path)))
}

read.df <- function(path = NULL, source = NULL, schema = NULL, na.strings = "NA", ...) {
  if (!is.null(path) && !is.character(path)) stop("read.df: the path must be a string.", call. = FALSE)
  options <- list(...)
  if (identical(source, "csv") && is.null(options$nullValue)) options$nullValue <- na.strings
  load_paths(reader(source, schema, options), path)
}
loadDF <- read.df
read.json <- function(path, ...) load_paths(reader("json", NULL, list(...)), path)
read.parquet <- function(path, ...) load_paths(reader("parquet", NULL, list(...)), path)
read.orc <- function(path, ...) load_paths(reader("orc", NULL, list(...)), path)
read.text <- function(path, ...) load_paths(reader("text", NULL, list(...)), path)
jsonFile <- read.json
parquetFile <- read.parquet

read.jdbc <- function(url, tableName, partitionColumn = NULL, lowerBound = NULL, upperBound = NULL,
                      numPartitions = 0L, predicates = list(), ...) {
  options <- list(...)
  if (length(predicates)) {
    properties <- newJObject("java.util.Properties")
    for (name in names(options)) callJMethod(properties, "setProperty", name, option_text(options[[name]]))
    source <- callJMethod(getSparkSession(), "read")
    return(frame(callJMethod(source, "jdbc", url, tableName, as.list(predicates), properties)))
  }
  options <- c(list(url = url, dbtable = tableName), options)
  if (!is.null(partitionColumn)) {
    parts <- if (numPartitions > 0) numPartitions else callJMethod(getSparkContext(), "defaultParallelism")
    options <- c(options, list(partitionColumn = partitionColumn, lowerBound = lowerBound,
      upperBound = upperBound, numPartitions = parts))
  }
  load_paths(reader("jdbc", NULL, options), NULL)
}

MODES <- c("append", "overwrite", "error", "errorifexists", "ignore")

writer <- function(x, source, mode, options, partitionBy = NULL) {
  if (!mode %in% MODES) stop("mode must be one of ", paste(MODES, collapse = ", "), ".", call. = FALSE)
  made <- callJMethod(callJMethod(x@sdf, "write"), "mode", mode)
  made <- callJMethod(made, "options", option_map(options))
  if (!is.null(source)) made <- callJMethod(made, "format", source)
  if (is.null(partitionBy)) made else callJMethod(made, "partitionBy", as.list(partitionBy))
}

write.df <- function(df, path = NULL, source = NULL, mode = "error", partitionBy = NULL, ...) {
  made <- writer(df, source, mode, list(...), partitionBy)
  invisible(if (is.null(path)) callJMethod(made, "save") else callJMethod(made, "save", path))
}
saveDF <- write.df
write.json <- function(x, path, mode = "error", ...) write.df(x, path, "json", mode, ...)
write.parquet <- function(x, path, mode = "error", ...) write.df(x, path, "parquet", mode, ...)
write.orc <- function(x, path, mode = "error", ...) write.df(x, path, "orc", mode, ...)
write.text <- function(x, path, mode = "error", ...) write.df(x, path, "text", mode, ...)
saveAsParquetFile <- function(x, path) write.parquet(x, path)
write.jdbc <- function(x, url, tableName, mode = "error", ...) {
  write.df(x, NULL, "jdbc", mode, url = url, dbtable = tableName, ...)
}
saveAsTable <- function(df, tableName, source = NULL, mode = "error", ...) {
  invisible(callJMethod(writer(df, source, mode, list(...)), "saveAsTable", tableName))
}
insertInto <- function(x, tableName, overwrite = FALSE) {
  made <- callJMethod(callJMethod(x@sdf, "write"), "mode", if (overwrite) "overwrite" else "append")
  invisible(callJMethod(made, "insertInto", tableName))
}
