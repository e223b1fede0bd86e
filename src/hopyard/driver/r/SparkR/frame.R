# SparkDataFrame, and the verbs on it.

setClass("SparkDataFrame", representation(env = "environment", sdf = "jobj"))

frame <- function(sdf) methods::new("SparkDataFrame", env = new.env(), sdf = sdf)
dataFrame <- function(sdf, isCached = FALSE) frame(sdf)

is_frame <- function(x) methods::is(x, "SparkDataFrame")

on <- function(x, method, ...) frame(callJMethod(x@sdf, method, ...))

jcols <- function(...) lapply(flatten(list(...)), function(x) lit_name(x)@jc)
flatten <- function(values) {
  unname(unlist(lapply(values, function(x) if (is_column(x) || is_frame(x)) list(x) else as.list(x)), recursive = FALSE))
}

# --- looking at it --------------------------------------------------------------------------------

setMethod("show", "SparkDataFrame", function(object) {
  eager <- sparkR.conf("spark.sql.repl.eagerEval.enabled", "false")[[1]]
  if (identical(eager, "true")) {
    rows <- as.integer(sparkR.conf("spark.sql.repl.eagerEval.maxNumRows", "20")[[1]])
    return(showDF(object, rows))
  }
  types <- vapply(dtypes(object), paste, "", collapse = ":")
  cat(paste0("SparkDataFrame[", paste(types, collapse = ", "), "]\n"))
})
print.SparkDataFrame <- function(x, ...) {
  show(x)
  invisible(x)
}

showDF <- function(x, numRows = 20, truncate = TRUE, vertical = FALSE) {
  width <- if (is.logical(truncate)) (if (truncate) 20L else 0L) else as.integer(truncate)
  cat(callJMethod(x@sdf, "showString", as.integer(numRows), width, vertical), "\n", sep = "")
}
printSchema <- function(x) cat(callJMethod(callJMethod(x@sdf, "schema"), "treeString"), "\n", sep = "")

columns <- function(x) {
  vapply(schema_fields(callJMethod(x@sdf, "schema")), function(field) field$name, "")
}
colnames <- function(x, ...) if (is_frame(x)) columns(x) else base::colnames(x, ...)
`colnames<-` <- function(x, value) {
  if (is_frame(x)) on(x, "toDF", as.list(value)) else base::`colnames<-`(x, value)
}
`coltypes<-` <- function(x, value) {
  names <- columns(x)
  if (length(value) != length(names)) stop("One type for each column is needed.", call. = FALSE)
  select(x, mapply(function(name, type) {
    if (is.na(type)) column(quoted(name)) else alias(cast(column(quoted(name)), type), name)
  }, names, value))
}
setMethod("names", "SparkDataFrame", columns)
setMethod("names<-", "SparkDataFrame", function(x, value) on(x, "toDF", as.list(value)))
setMethod("length", "SparkDataFrame", function(x) length(columns(x)))
setMethod("dim", "SparkDataFrame", function(x) c(count(x), length(columns(x))))
nrow <- function(x) if (is_frame(x)) count(x) else base::nrow(x)
ncol <- function(x) if (is_frame(x)) length(columns(x)) else base::ncol(x)

count <- function(x, ...) {
  if (is_column(x)) return(sql_function("count", x))
  if (is_grouped(x)) return(frame(callJMethod(x@sgd, "count")))
  callJMethod(x@sdf, "count")
}
take <- function(x, num) collect(limit(x, num))
head.SparkDataFrame <- function(x, n = 6L, ...) take(x, n)
tail.SparkDataFrame <- function(x, n = 6L, ...) {
  stop("tail: a SparkDataFrame has no order; use arrange(…) and head().", call. = FALSE)
}
frame_first <- function(x) take(x, 1L)
as.data.frame.SparkDataFrame <- function(x, row.names = NULL, optional = FALSE, ...) {
  made <- collect(x)
  if (!is.null(row.names)) base::row.names(made) <- row.names
  made
}
str.SparkDataFrame <- function(object, ...) {
  sample <- head.SparkDataFrame(object)
  cat(paste0("'SparkDataFrame': ", ncol(sample), " variables:\n"))
  width <- max(base::nchar(names(sample)), 0)
  for (i in seq_along(sample)) {
    values <- utils::capture.output(utils::str(sample[[i]], vec.len = 6, give.head = TRUE))[1]
    values <- sub("\\[1:\\d+\\] ", "", values)
    cat(" $ ", formatC(names(sample)[i], width = -width), ":", values, "\n", sep = "")
  }
}
summary.SparkDataFrame <- function(object, ...) on(object, "summary", as.list(c(...)))
describe <- function(x, col, ...) {
  on(x, "describe", if (missing(col)) list() else as.list(c(col, ...)))
}
explain <- function(x, extended = FALSE) {
  execution <- callJMethod(x@sdf, "queryExecution")
  cat(if (extended) {
    callJMethod(execution, "toString")
  } else {
    callJMethod(execution, "explainString", callJStatic("org.apache.spark.sql.execution.ExplainMode", "fromString", "simple"))
  }, "\n", sep = "")
}
isLocal <- function(x) callJMethod(x@sdf, "isLocal")
isStreaming <- function(x) callJMethod(x@sdf, "isStreaming")
inputFiles <- function(x) unlist(callJMethod(x@sdf, "inputFiles"))

# --- columns --------------------------------------------------------------------------------------

column_of <- function(x, name) new_column(callJMethod(x@sdf, "col", name))

setMethod("$", "SparkDataFrame", function(x, name) column_of(x, quoted(name)))
setMethod("[[", "SparkDataFrame", function(x, i, ...) {
  column_of(x, quoted(if (is.numeric(i)) columns(x)[i] else i))
})
setMethod("$<-", "SparkDataFrame", function(x, name, value) set_column(x, name, value))
setMethod("[[<-", "SparkDataFrame", function(x, i, ..., value) {
  set_column(x, if (is.numeric(i)) columns(x)[i] else i, value)
})
set_column <- function(x, name, value) {
  if (is.null(value)) return(drop(x, name))
  if (!is_column(value) && length(value) != 1) {
    stop("A column or one value is needed: a SparkDataFrame takes no vector.", call. = FALSE)
  }
  withColumn(x, name, value)
}
setMethod("[", "SparkDataFrame", function(x, i, j, ..., drop = FALSE) {
  rows <- !missing(i)
  if (rows && nargs() - (if (missing(drop)) 0 else 1) == 2) { # df["a"], df[c(1, 3)]
    if (!is_column(i)) return(select(x, names_of(x, i)))
    return(filter(x, i))
  }
  if (rows) x <- filter(x, i)
  if (missing(j)) return(x)
  found <- names_of(x, j)
  if (drop && length(found) == 1) column_of(x, quoted(found)) else select(x, found)
})
names_of <- function(x, which) {
  if (is.numeric(which) || is.logical(which)) columns(x)[which] else which
}

select <- function(x, col, ...) {
  chosen <- flatten(list(col, ...))
  on(x, "select", lapply(chosen, function(one) {
    if (is.character(one) && one %in% columns(x)) one <- quoted(one)
    lit_name(one)@jc
  }))
}
selectExpr <- function(x, expr, ...) on(x, "selectExpr", as.list(c(expr, ...)))
withColumn <- function(x, colName, col) on(x, "withColumn", colName, jcol(col))
withColumnRenamed <- function(x, existingCol, newCol) {
  on(x, "withColumnRenamed", existingCol, newCol)
}
rename <- function(x, ...) {
  for (name in names(list(...))) {
    old <- list(...)[[name]]
    if (is_column(old)) old <- gsub("`", "", callJMethod(old@jc, "toString"), fixed = TRUE)
    x <- withColumnRenamed(x, old, name)
  }
  x
}
mutate <- function(.data, ...) {
  values <- list(...)
  names <- names(values)
  if (is.null(names)) names <- rep("", length(values))
  for (i in seq_along(values)) {
    name <- if (nzchar(names[i])) names[i] else callJMethod(lit(values[[i]])@jc, "toString")
    .data <- withColumn(.data, name, values[[i]])
  }
  .data
}
transform.SparkDataFrame <- function(`_data`, ...) {
  values <- eval(substitute(list(...)), frame_columns(`_data`), parent.frame())
  do.call(mutate, c(list(`_data`), values))
}
with.SparkDataFrame <- function(data, expr, ...) {
  eval(substitute(expr), frame_columns(data), enclos = parent.frame())
}
frame_columns <- function(x) {
  names <- columns(x)
  structure(lapply(names, function(name) column_of(x, quoted(name))), names = names)
}
drop <- function(x, col, ...) {
  if (!is_frame(x)) return(base::drop(x))
  gone <- flatten(list(col, ...))
  for (one in Filter(is_column, gone)) x <- on(x, "drop", one@jc)
  names <- Filter(is.character, gone)
  if (length(names)) on(x, "drop", names) else x
}

# --- rows -----------------------------------------------------------------------------------------

filter <- function(x, condition, ...) {
  if (!is_frame(x)) return(stats::filter(x, condition, ...))
  on(x, "filter", if (is_column(condition)) condition@jc else condition)
}
where <- function(x, condition) filter(x, condition)
subset.SparkDataFrame <- function(x, subset, select, drop = FALSE, ...) {
  columns <- frame_columns(x)
  if (!missing(subset)) {
    x <- filter(x, eval(substitute(subset), columns, parent.frame()))
  }
  if (missing(select)) return(x)
  chosen <- select
  if (drop && length(chosen) == 1) x[[chosen]] else x[, chosen]
}
limit <- function(x, num) on(x, "limit", as.integer(num))
offset <- function(x, num) {
  if (is_frame(x)) on(x, "offset", as.integer(num)) else stats::offset(x)
}
distinct <- function(x) on(x, "distinct")
unique.SparkDataFrame <- function(x, incomparables = FALSE, ...) distinct(x)
dropDuplicates <- function(x, ...) {
  names <- as.list(c(...))
  if (length(names)) on(x, "dropDuplicates", names) else on(x, "dropDuplicates")
}
sample <- function(x, ...) if (is_frame(x)) frame_sample(x, ...) else base::sample(x, ...)
frame_sample <- function(x, withReplacement = FALSE, fraction, seed) {
  if (missing(fraction) && is.numeric(withReplacement)) {
    fraction <- withReplacement
    withReplacement <- FALSE
  }
  if (missing(fraction)) stop("sample: a fraction between 0 and 1 is needed.", call. = FALSE)
  if (fraction < 0) stop("sample: the fraction must not be negative.", call. = FALSE)
  if (missing(seed)) return(on(x, "sample", withReplacement, as.double(fraction)))
  on(x, "sample", withReplacement, as.double(fraction), as.integer(seed))
}
sample_frac <- frame_sample
randomSplit <- function(x, weights, seed) {
  shares <- weights / base::sum(weights)
  parts <- cumsum(c(0, shares))
  draw <- if (missing(seed)) rand(sample.int(.Machine$integer.max, 1)) else rand(seed)
  marked <- withColumn(x, "_hopyard_draw", draw)
  lapply(seq_along(weights), function(i) {
    value <- column("_hopyard_draw")
    drop(filter(marked, value >= parts[i] & value < (if (i == length(weights)) 2 else parts[i + 1])), "_hopyard_draw")
  })
}
arrange <- function(x, col, ..., decreasing = FALSE, withinPartitions = FALSE) {
  keys <- lapply(flatten(list(col, ...)), lit_name)
  down <- rep_len(decreasing, length(keys))
  sorted <- mapply(function(key, down) if (down) desc(key)@jc else key@jc, keys, down)
  on(x, if (withinPartitions) "sortWithinPartitions" else "sort", sorted)
}
orderBy <- function(x, col, ...) {
  if (is_spec(x)) return(new_spec(callJMethod(x@sws, "orderBy", jcols(col, ...))))
  arrange(x, col, ...)
}

# --- two frames -----------------------------------------------------------------------------------

union <- function(x, y, ...) if (is_frame(x)) on(x, "union", y@sdf) else base::union(x, y, ...)
unionAll <- function(x, y) on(x, "union", y@sdf)
unionByName <- function(x, y, allowMissingColumns = FALSE) {
  on(x, "unionByName", y@sdf, allowMissingColumns)
}
rbind <- function(..., deparse.level = 1) {
  frames <- list(...)
  if (!length(frames) || !is_frame(frames[[1]])) return(base::rbind(..., deparse.level = deparse.level))
  Reduce(union, frames)
}
intersect <- function(x, y, ...) if (is_frame(x)) on(x, "intersect", y@sdf) else base::intersect(x, y, ...)
intersectAll <- function(x, y) on(x, "intersectAll", y@sdf)
except <- function(x, y) on(x, "except", y@sdf)
exceptAll <- function(x, y) on(x, "exceptAll", y@sdf)
crossJoin <- function(x, y) on(x, "crossJoin", y@sdf)
join <- function(x, y, joinExpr = NULL, joinType = NULL) {
  if (is.null(joinExpr)) return(on(x, "join", y@sdf))
  if (is.null(joinType)) joinType <- "inner"
  on(x, "join", y@sdf, joinExpr@jc, gsub("_", "", joinType, fixed = TRUE))
}
merge.SparkDataFrame <- function(x, y, by = base::intersect(names(x), names(y)), by.x = by, by.y = by,
                                 all = FALSE, all.x = all, all.y = all, sort = TRUE,
                                 suffixes = c("_x", "_y"), ...) {
  if (length(by.x) != length(by.y)) stop("merge: by.x and by.y must have the same length.", call. = FALSE)
  if (!length(by.x)) return(crossJoin(x, y))
  shared <- base::intersect(names(x), names(y))
  rename_all <- function(one, suffix) {
    names(one) <- base::ifelse(names(one) %in% shared, paste0(names(one), suffix), names(one))
    one
  }
  name_in <- function(name, suffix) if (name %in% shared) paste0(name, suffix) else name
  left <- rename_all(x, suffixes[1])
  right <- rename_all(y, suffixes[2])
  keys_x <- vapply(by.x, name_in, "", suffixes[1])
  keys_y <- vapply(by.y, name_in, "", suffixes[2])
  condition <- Reduce(`&`, mapply(function(a, b) left[[a]] == right[[b]], keys_x, keys_y))
  type <- if (all.x && all.y) "outer" else if (all.x) "left_outer" else if (all.y) "right_outer" else "inner"
  joined <- join(left, right, condition, type)
  if (sort) arrange(joined, as.list(unname(keys_x))) else joined
}

# --- missing values -------------------------------------------------------------------------------

dropna <- function(x, how = c("any", "all"), minNonNulls = NULL, cols = NULL) {
  how <- match.arg(how)
  cols <- as.list(if (is.null(cols)) columns(x) else cols)
  least <- if (!is.null(minNonNulls)) minNonNulls else if (how == "any") length(cols) else 1L
  frame(callJMethod(callJMethod(x@sdf, "na"), "drop", as.integer(least), cols))
}
na.omit.SparkDataFrame <- function(object, ...) dropna(object, ...)
fillna <- function(x, value, cols = NULL) {
  na <- callJMethod(x@sdf, "na")
  if (is.list(value)) return(frame(callJMethod(na, "fill", list2env(lapply(value, whole_or_text), envir = new.env()))))
  if (is.integer(value)) value <- as.double(value)
  cols <- as.list(if (is.null(cols)) columns(x) else cols)
  frame(callJMethod(na, "fill", value, cols))
}
whole_or_text <- function(value) if (is.factor(value)) as.character(value) else value

# --- statistics -----------------------------------------------------------------------------------

statistics <- function(x) callJMethod(x@sdf, "stat")
crosstab <- function(x, col1, col2) collect(frame(callJMethod(statistics(x), "crosstab", col1, col2)))
freqItems <- function(x, cols, support = 0.01) {
  collect(frame(callJMethod(statistics(x), "freqItems", as.list(cols), support)))
}
approxQuantile <- function(x, cols, probabilities, relativeError) {
  found <- lapply(cols, function(name) {
    unlist(callJMethod(statistics(x), "approxQuantile", name, as.list(probabilities), as.double(relativeError)))
  })
  if (length(cols) == 1) as.list(found[[1]]) else lapply(found, as.list)
}
sampleBy <- function(x, col, fractions, seed) {
  fractions <- list2env(lapply(fractions, as.double), envir = new.env())
  frame(callJMethod(statistics(x), "sampleBy", col, fractions, as.integer(seed)))
}
cov <- function(x, ...) {
  if (is_frame(x)) return(callJMethod(statistics(x), "cov", ...))
  if (is_column(x)) return(sql_function("covar_samp", x, ...))
  stats::cov(x, ...)
}
covar_samp <- function(col1, col2) sql_function("covar_samp", lit_name(col1), lit_name(col2))
covar_pop <- function(col1, col2) sql_function("covar_pop", lit_name(col1), lit_name(col2))
corr <- function(x, ...) {
  if (is_frame(x)) return(callJMethod(statistics(x), "corr", ...))
  sql_function("corr", x, ...)
}

# --- keeping, partitions, views -------------------------------------------------------------------

cache <- function(x) {
  callJMethod(x@sdf, "cache")
  x
}
persist <- function(x, newLevel = "MEMORY_AND_DISK") {
  callJMethod(x@sdf, "persist", callJStatic("org.apache.spark.storage.StorageLevel", "fromString", newLevel))
  x
}
unpersist <- function(x, blocking = TRUE) {
  callJMethod(x@sdf, "unpersist", blocking)
  x
}
storageLevel <- function(x) callJMethod(callJMethod(x@sdf, "storageLevel"), "description")
checkpoint <- function(x, eager = TRUE) on(x, "checkpoint", eager)
localCheckpoint <- function(x, eager = TRUE) on(x, "localCheckpoint", eager)
repartition <- function(x, numPartitions = NULL, col = NULL, ...) spread(x, "repartition", numPartitions, col, ...)
repartitionByRange <- function(x, numPartitions = NULL, col = NULL, ...) {
  spread(x, "repartitionByRange", numPartitions, col, ...)
}
spread <- function(x, method, numPartitions, col, ...) {
  if (is_column(numPartitions)) {
    keys <- jcols(numPartitions, col, ...)
    return(on(x, method, keys))
  }
  keys <- if (is.null(col)) list() else jcols(col, ...)
  if (is.null(numPartitions)) return(on(x, method, keys))
  if (length(keys)) on(x, method, as.integer(numPartitions), keys) else on(x, method, as.integer(numPartitions))
}
coalesce <- function(x, ...) {
  if (is_frame(x)) on(x, "coalesce", as.integer(..1)) else sql_function("coalesce", x, ...)
}
getNumPartitions <- function(x) {
  callJMethod(callJMethod(x@sdf, "rdd"), "getNumPartitions")
}
hint <- function(x, name, ...) on(x, "hint", name, list(...))
broadcast <- function(object) frame(callJStatic(FUNCTIONS, "broadcast", object@sdf))
toJSON <- function(x, ...) {
  if (is_frame(x)) frame(callJMethod(callJMethod(x@sdf, "toJSON"), "toDF")) else jsonlite::toJSON(x, ...)
}
createOrReplaceTempView <- function(x, viewName) invisible(callJMethod(x@sdf, "createOrReplaceTempView", viewName))
createTempView <- function(x, viewName) invisible(callJMethod(x@sdf, "createTempView", viewName))
createOrReplaceGlobalTempView <- function(x, viewName) {
  invisible(callJMethod(x@sdf, "createOrReplaceGlobalTempView", viewName))
}
registerTempTable <- createOrReplaceTempView

.DollarNames.SparkDataFrame <- function(x, pattern = "") {
  grep(pattern, columns(x), value = TRUE)
}
