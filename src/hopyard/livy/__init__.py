"""The Livy server: sessions on Spark drivers, over Apache Livy's REST protocol."""
