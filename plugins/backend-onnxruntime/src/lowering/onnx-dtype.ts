export type OnnxDType = 'float32' | 'float64' | 'int32' | 'int64' | 'bool' | 'uint8' | 'uint32' | 'uint64';
