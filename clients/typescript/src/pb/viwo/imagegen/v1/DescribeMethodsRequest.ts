// Original file: ../../protos/viwo/imagegen/v1/capability.proto


export interface DescribeMethodsRequest {
  'type'?: (string);
}

export interface DescribeMethodsRequest__Output {
  'type': (string);
}
