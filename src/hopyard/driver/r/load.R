# Makes the namespace of our SparkR package out of its sources and attaches it.
#
# Not an installed package, so that nothing is compiled or written at a session's start. With the
# namespace registered, library(SparkR), SparkR::sql and SparkR:::callJMethod work as with Spark's.

HELPERS <- c(
  "array_bytes", "as_columns", "bound", "bounded", "by_name", "catalog", "cell_sql", "cell_type", "closeConnection",
  "column_of", "connectBackend", "dataFrame", "define_functions", "define_missing", "edge", "element_type",
  "escaped_sql", "exchange", "field_ddl", "flatten", "frame", "frame_columns", "frame_first",
  "frame_sample", "getClassName.jobj", "getSparkContext", "getSparkSession", "grouped",
  "int_bytes", "invoke", "is_column", "is_frame", "is_grouped", "is_spec", "is_uniform", "jcol",
  "jcols", "jobj", "json_ready", "java_schema", "lambda", "letter_of", "lit_name", "load_paths",
  "map_bytes", "marked_text", "masked", "method", "names_of", "nested_text", "nested_type",
  "new_column", "new_field", "new_group", "new_spec", "on", "operate", "option_map", "option_text", "own_session", "quoted",
  "r_cells", "r_column", "r_nested", "r_raw", "r_text", "r_time", "r_type", "r_value", "read_array",
  "read_bytes", "read_double", "read_int", "read_map", "read_object", "read_string", "read_struct",
  "read_value", "reader", "receive", "reconnect", "remove_garbage", "schema_fields", "send_rows",
  "set_column", "set_conf", "shifted", "simple_type", "spark_error", "spread", "sql_function", "start_session",
  "sql_name", "sql_type", "statistics", "string_bytes", "strings_bytes", "trim_with", "type_words", "typed_bytes",
  "value_bytes", "value_sql", "whole", "whole_or_text", "with_options", "without_columns", "without_dots", "writer", "callJMethod",
  "callJStatic", "newJObject"
)

S3 <- list(
  c("print", "jobj"), c("print", "structType"), c("print", "structField"), c("print", "struct"),
  c("print", "SparkDataFrame"), c("mean", "Column"), c("mean", "GroupedData"), c("median", "Column"),
  c("head", "SparkDataFrame"), c("tail", "SparkDataFrame"), c("as.data.frame", "SparkDataFrame"),
  c("str", "SparkDataFrame"), c("summary", "SparkDataFrame"), c("transform", "SparkDataFrame"),
  c("with", "SparkDataFrame"), c("subset", "SparkDataFrame"), c("unique", "SparkDataFrame"),
  c("merge", "SparkDataFrame"), c("na.omit", "SparkDataFrame"), c(".DollarNames", "SparkDataFrame")
)

FILES <- c("protocol", "session", "schema", "column", "window", "functions", "frame", "group", "io",
  "transfer", "missing")

load_sparkr <- function(folder, version) {
  space <- new_namespace("SparkR", version, folder)
  table <- setdiff(readLines(file.path(folder, "functions.txt")), "")
  for (file in FILES) sys.source(file.path(folder, paste0(file, ".R")), envir = space, keep.source = FALSE)
  space$define_functions(setdiff(table, ls(space)), space)
  space$define_missing(setdiff(space$MISSING, ls(space)), space)
  for (one in S3) {
    registerS3method(one[1], one[2], get(paste(one, collapse = "."), envir = space), envir = space)
  }
  methods <- vapply(S3, paste, "", collapse = ".")
  functions <- Filter(function(name) is.function(space[[name]]), ls(space))
  exports <- setdiff(functions, c(HELPERS, methods))
  namespaceExport(space, exports)
  attached <- attach(NULL, pos = 2L, name = "package:SparkR", warn.conflicts = FALSE)
  importIntoEnv(attached, exports, space, exports)
  invisible(space)
}

new_namespace <- function(name, version, folder) {
  imports <- new.env(parent = .BaseNamespaceEnv)
  attr(imports, "name") <- paste0("imports:", name)
  for (package in c("methods")) {
    importIntoEnv(imports, getNamespaceExports(package), asNamespace(package), getNamespaceExports(package))
  }
  space <- new.env(parent = imports)
  info <- new.env(parent = baseenv())
  assign(".__NAMESPACE__.", info, envir = space)
  assign("spec", c(name = name, version = version), envir = info)
  setNamespaceInfo(space, "exports", new.env(parent = baseenv()))
  setNamespaceInfo(space, "imports", list(base = TRUE))
  setNamespaceInfo(space, "path", folder) # help() and sessionInfo() read its DESCRIPTION
  setNamespaceInfo(space, "dynlibs", NULL)
  setNamespaceInfo(space, "S3methods", matrix(NA_character_, 0L, 4L))
  assign(".__S3MethodsTable__.", new.env(parent = baseenv()), envir = space)
  assign(".packageName", name, envir = space)
  .Internal(registerNamespace(name, space))
  space
}
