/// The usual split of the mitdb records for beat classification (de Chazal et al., IEEE Trans Biomed Eng 51, 2004). No
/// patient is in both sets, except that 201 (DS1) and 202 (DS2) are from one subject; the four paced records are in
/// neither.
public enum RecordSplit {
    /// Training set.
    public static let ds1 = [
        "101", "106", "108", "109", "112", "114", "115", "116", "118", "119", "122", "124", "201", "203", "205", "207",
        "208", "209", "215", "220", "223", "230",
    ]
    /// Test set.
    public static let ds2 = [
        "100", "103", "105", "111", "113", "117", "121", "123", "200", "202", "210", "212", "213", "214", "219", "221",
        "222", "228", "231", "232", "233", "234",
    ]
}
