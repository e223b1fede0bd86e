# The Spark session of this R process: a notebook's is there already, shared with the other
# languages; an application's own is started by sparkR.session() or by its first use.

sparkR.session <- function(master = "", appName = "SparkR", sparkHome = "", sparkConfig = list(),
                           sparkJars = "", sparkPackages = "", enableHiveSupport = TRUE, ...) {
  settings <- c(as.list(sparkConfig), list(...))
  if (isTRUE(.backend$own) && is.null(.backend$session)) {
    if (nzchar(master)) settings$spark.master <- master
    if (!missing(appName)) settings$spark.app.name <- appName
    start_session(settings)
  } else {
    set_conf(settings)
  }
  invisible(getSparkSession())
}

# Says that there is no session yet: this process is an application.
own_session <- function() .backend$own <- TRUE

# As with Spark's own, what the application says is stronger than what it was submitted with.
start_session <- function(settings) {
  conf <- newJObject("org.apache.spark.SparkConf")
  for (name in names(settings)) callJMethod(conf, "set", name, option_text(settings[[name]]))
  callJMethod(conf, "setIfMissing", "spark.app.name", "SparkR")
  builder <- callJStatic("org.apache.spark.sql.classic.SparkSession", "builder")
  .backend$session <- callJMethod(callJMethod(builder, "config", conf), "getOrCreate")
}

set_conf <- function(settings) {
  conf <- callJMethod(getSparkSession(), "conf")
  for (name in setdiff(names(settings), c("spark.master", "spark.app.name"))) {
    if (callJMethod(conf, "isModifiable", name)) {
      callJMethod(conf, "set", name, option_text(settings[[name]]))
    } else {
      warning(name, " cannot be changed in a session that runs: set it with %%configure.", call. = FALSE)
    }
  }
}

getSparkSession <- function() {
  if (is.null(.backend$session) && isTRUE(.backend$own)) start_session(list())
  .backend$session
}

getSparkContext <- function() {
  if (is.null(.backend$context)) {
    .backend$context <- callJStatic(
      "org.apache.spark.api.java.JavaSparkContext", "fromSparkContext",
      callJMethod(getSparkSession(), "sparkContext")
    )
  }
  .backend$context
}

sparkR.session.stop <- function() {
  if (isTRUE(.backend$own)) {
    if (!is.null(.backend$session)) callJMethod(.backend$session, "stop")
    .backend$session <- .backend$context <- NULL
    return(invisible(NULL))
  }
  stop("sparkR.session.stop: the session is stopped with the notebook's session (%%cleanup), ",
    "since other languages use it too.", call. = FALSE)
}
sparkR.stop <- sparkR.session.stop

sparkR.conf <- function(key, defaultValue) {
  conf <- callJMethod(getSparkSession(), "conf")
  if (missing(key)) {
    all <- callJMethod(conf, "getAll")
    pairs <- if (is.environment(all) && !inherits(all, "jobj")) as.list(all) else list()
    return(pairs[order(names(pairs))])
  }
  value <- if (missing(defaultValue)) {
    callJMethod(conf, "get", key)
  } else {
    callJMethod(conf, "get", key, option_text(defaultValue))
  }
  structure(list(value), names = key)
}

sparkR.version <- function() callJMethod(getSparkSession(), "version")

sparkR.uiWebUrl <- function() {
  url <- callJMethod(callJMethod(getSparkSession(), "sparkContext"), "uiWebUrl")
  if (callJMethod(url, "isDefined")) callJMethod(url, "get") else NULL
}

setJobGroup <- function(groupId, description, interruptOnCancel = TRUE) {
  .backend$group <- list(groupId, description, interruptOnCancel)
  invisible(callJMethod(getSparkContext(), "setJobGroup", groupId, description, interruptOnCancel))
}
clearJobGroup <- function() invisible(callJMethod(getSparkContext(), "clearJobGroup"))
cancelJobGroup <- function(groupId) {
  invisible(callJMethod(getSparkContext(), "cancelJobGroup", groupId))
}
setJobDescription <- function(value) {
  invisible(callJMethod(getSparkContext(), "setJobDescription", value))
}
setLocalProperty <- function(key, value) {
  invisible(callJMethod(getSparkContext(), "setLocalProperty", key, value))
}
getLocalProperty <- function(key) callJMethod(getSparkContext(), "getLocalProperty", key)
setLogLevel <- function(level) invisible(callJMethod(getSparkContext(), "setLogLevel", level))
setCheckpointDir <- function(directory) {
  invisible(callJMethod(getSparkContext(), "setCheckpointDir", directory))
}
spark.addFile <- function(path, recursive = FALSE) {
  invisible(callJMethod(getSparkContext(), "addFile", path, recursive))
}
spark.getSparkFiles <- function(fileName) {
  callJStatic("org.apache.spark.SparkFiles", "get", as.character(fileName))
}

sql <- function(sqlQuery, ...) {
  if (inherits(sqlQuery, "jobj")) return(sql(...)) # sql(sqlContext, "select 1"), as in Spark 1
  frame(callJMethod(getSparkSession(), "sql", sqlQuery))
}

# --- the catalog ----------------------------------------------------------------------------------

catalog <- function(method, ...) callJMethod(callJMethod(getSparkSession(), "catalog"), method, ...)

tables <- function(databaseName = NULL) {
  rows <- if (is.null(databaseName)) sql("SHOW TABLES") else sql(paste0("SHOW TABLES IN `", databaseName, "`"))
  rows
}
listTables <- function(databaseName = NULL) {
  frame(callJMethod(if (is.null(databaseName)) catalog("listTables") else catalog("listTables", databaseName), "toDF"))
}
tableNames <- function(databaseName = NULL) {
  rows <- collect(tables(databaseName))
  rows$tableName
}
listDatabases <- function() frame(callJMethod(catalog("listDatabases"), "toDF"))
listFunctions <- function(databaseName = NULL) {
  frame(callJMethod(if (is.null(databaseName)) catalog("listFunctions") else catalog("listFunctions", databaseName), "toDF"))
}
listColumns <- function(tableName, databaseName = NULL) {
  name <- if (is.null(databaseName)) tableName else paste(databaseName, tableName, sep = ".")
  frame(callJMethod(catalog("listColumns", name), "toDF"))
}
listCatalogs <- function() frame(callJMethod(catalog("listCatalogs"), "toDF"))
currentDatabase <- function() catalog("currentDatabase")
setCurrentDatabase <- function(databaseName) invisible(catalog("setCurrentDatabase", databaseName))
currentCatalog <- function() catalog("currentCatalog")
setCurrentCatalog <- function(catalogName) invisible(catalog("setCurrentCatalog", catalogName))
databaseExists <- function(databaseName) catalog("databaseExists", databaseName)
tableExists <- function(tableName) catalog("tableExists", tableName)
functionExists <- function(functionName) catalog("functionExists", functionName)
cacheTable <- function(tableName) invisible(catalog("cacheTable", tableName))
uncacheTable <- function(tableName) invisible(catalog("uncacheTable", tableName))
isCached <- function(tableName) catalog("isCached", tableName)
clearCache <- function() invisible(catalog("clearCache"))
dropTempView <- function(viewName) catalog("dropTempView", viewName)
dropTempTable <- dropTempView
dropGlobalTempView <- function(viewName) catalog("dropGlobalTempView", viewName)
refreshTable <- function(tableName) invisible(catalog("refreshTable", tableName))
refreshByPath <- function(path) invisible(catalog("refreshByPath", path))
recoverPartitions <- function(tableName) invisible(catalog("recoverPartitions", tableName))
tableToDF <- function(tableName) frame(callJMethod(getSparkSession(), "table", tableName))
createTable <- function(tableName, path = NULL, source = NULL, schema = NULL, ...) {
  options <- option_map(list(path = path, ...))
  if (is.null(source)) source <- sparkR.conf("spark.sql.sources.default")[[1]]
  made <- if (is.null(schema)) {
    catalog("createTable", tableName, source, options)
  } else {
    catalog("createTable", tableName, source, java_schema(schema), options)
  }
  frame(made)
}
createExternalTable <- createTable

# --- options --------------------------------------------------------------------------------------

option_text <- function(value) {
  if (is.logical(value)) return(tolower(as.character(value)))
  if (is.numeric(value)) return(format(value, scientific = FALSE, digits = 15, trim = TRUE))
  as.character(value)
}

option_map <- function(options) {
  map <- new.env()
  for (name in names(options)) {
    if (nzchar(name) && !is.null(options[[name]])) assign(name, option_text(options[[name]]), envir = map)
  }
  map
}
