// Original file: protos/viwo/imagegen/v1/common.proto


export interface Failure {
  'code'?: (string);
  'message'?: (string);
  'reason'?: (string);
  'field'?: (string);
  'limit'?: (string);
  'asked'?: (string);
}

export interface Failure__Output {
  'code': (string);
  'message': (string);
  'reason': (string);
  'field': (string);
  'limit': (string);
  'asked': (string);
}
