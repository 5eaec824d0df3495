internal import FledgeCore

/// A data set that is not in files here, and how its files can be had.
struct RemoteDataset {
    /// The keys of `dataset_info.json` that say where the rows are instead of `file_name`.
    static let keys = ["hf_hub_url", "ms_hub_url", "om_hub_url", "script_url", "cloud_file_name"]

    private let key: String
    private let place: String
    private let fileName: String?

    /// The first of the places that an entry gives, as the reference would take them; `nil` when it
    /// gives none.
    init?(_ entry: JSONValue, _ reader: EntryReader) throws {
        guard let key = Self.keys.first(where: { entry[$0]?.isNothing == false }) else {
            return nil
        }
        self.key = key
        place = try reader.text(entry, key) ?? ""
        fileName = try reader.text(entry, "file_name")
    }

    /// Says that the data set is elsewhere and how to fetch it.
    func error(name: String, _ reader: EntryReader) -> FledgeError {
        let folder = name + "/"
        let fetch =
            switch key {
            case "hf_hub_url":
                "hf download --repo-type dataset \(place) --local-dir \(folder)"
            case "ms_hub_url": "modelscope download --dataset \(place) --local_dir \(folder)"
            case "om_hub_url": "git clone https://modelers.cn/\(place).git \(folder)"
            case "cloud_file_name" where place.utf8.starts(with: "s3:".utf8):
                "aws s3 cp \(place) ."
            case "cloud_file_name": "gcloud storage cp \(place) ."
            default: ""
            }
        var advice =
            fetch.isEmpty
            ? "Scripts are not run: write the rows that it makes into a file"
            : "Fetch it (\(fetch)) next to dataset_info.json"
        advice +=
            ", then name the file, or a folder with files of one type, as file_name in place of \(key)."
        if let fileName { advice += " There is a file_name too: \(fileName)." }
        return reader.error(
            .unsupported,
            "The data set \(name) is described by \(key), which is not on this machine.",
            advice)
    }
}
